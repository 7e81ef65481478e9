#include "transport/link/consumer_half.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transport/limits.h"
#include "transport/link/frame_codec.h"

namespace outboxd::transport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Arrival = ConsumerHalf::Arrival;

// What the observer is told, as text.
class Inbox final : public LinkObserver {
 public:
  void on_link_state(LinkState, std::string) override { ADD_FAILURE(); }
  void on_acknowledged(domain::Seq) override { ADD_FAILURE(); }
  void on_rejected(domain::Seq, std::string, std::string) override { ADD_FAILURE(); }
  void on_deliveries(std::vector<OwnedDelivery> deliveries) override {
    for (const OwnedDelivery& each : deliveries) {
      told.push_back(std::to_string(each.tag) + ": " + each.topic + " for " + each.group + " try " +
                     std::to_string(each.attempt) + " " + each.producer + "/" +
                     std::to_string(each.seq) + " " + each.envelope + " " + each.reason);
    }
  }
  void on_settled(std::vector<std::uint64_t> tags) override {
    for (const std::uint64_t tag : tags) told.push_back("settled " + std::to_string(tag));
  }
  void on_subscription_refused(std::string topic, std::string group, std::string code,
                               std::string message) override {
    told.push_back("refused " + topic + " for " + group + ": " + code + " " + message);
  }
  std::vector<std::string> take_told() { return std::exchange(told, {}); }

  std::vector<std::string> told;
};

class ConsumerHalfTest : public testing::Test {
 protected:
  // The frames that wait to be sent, as words.
  std::vector<std::string> sent() {
    std::vector<std::string> words;
    while (const auto bytes = half_.next_frame()) {
      Document document;
      const Frame frame = decode_frame(*bytes, document).value();
      if (const auto* subscribe = std::get_if<SubscribeFrame>(&frame)) {
        words.push_back("SUBSCRIBE " + std::string(subscribe->topic) + " " +
                        std::string(subscribe->group) + " " + std::to_string(subscribe->credit));
      } else {
        std::string text = "SETTLE";
        const auto& settlements = std::get<SettleFrame>(frame).settlements;
        for (const Settlement& each : settlements) {
          text +=
              " " + std::to_string(each.tag) + "=" + std::to_string(static_cast<int>(each.outcome));
        }
        words.push_back(settlements.size() > 10 ? "SETTLE " + std::to_string(settlements.size())
                                                : text);
      }
    }
    return words;
  }

  ConsumerHalf::Breach deliver(const std::vector<std::uint64_t>& tags,
                               std::string_view topic = "orders",
                               std::string_view producer = "till-1") {
    DeliverFrame frame;
    for (const std::uint64_t tag : tags) {
      frame.deliveries.push_back({tag, topic, "payments", 1, producer, tag, "e", ""});
    }
    return half_.on_deliver(frame);
  }
  void settle(std::uint64_t tag) { half_.settle({{tag, Outcome::kAck, ""}}); }

  // A session with a subscription that was sent.
  void begin(std::size_t credit = 3) {
    half_.subscribe({"orders", "payments", credit});
    half_.begin(1);
    EXPECT_EQ(sent().size(), 1U);
  }

  Inbox inbox_;
  ConsumerHalf half_{inbox_};
};

TEST_F(ConsumerHalfTest, SubscribesWhenThereIsASessionAndAgainInTheNext) {
  half_.subscribe({"orders", "payments", 3});
  half_.subscribe({"payments", "orders.till-1", 4});
  EXPECT_THAT(sent(), IsEmpty());
  const auto both =
      ElementsAre("SUBSCRIBE orders payments 3", "SUBSCRIBE payments orders.till-1 4");
  half_.begin(1);
  EXPECT_THAT(sent(), both);
  EXPECT_THAT(sent(), IsEmpty());
  half_.end();
  EXPECT_THAT(sent(), IsEmpty());
  half_.begin(2);
  EXPECT_THAT(sent(), both);
}

TEST_F(ConsumerHalfTest, ASubscriptionIsReplacedByItsLikeAndEndedByACreditOfZero) {
  begin();
  half_.subscribe({"orders", "payments", 5});
  half_.subscribe({"orders", "payments", 8});
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE orders payments 8"));
  half_.subscribe({"orders", "payments", 0});
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE orders payments 0"));
  EXPECT_FALSE(half_.has_subscriptions());
  half_.begin(2);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(ConsumerHalfTest, ASubscriptionThatEndsBeforeItsSessionIsNeverSent) {
  half_.subscribe({"orders", "payments", 5});
  half_.subscribe({"orders", "payments", 0});
  half_.subscribe({"orders", "nobody", 0});
  half_.begin(1);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(ConsumerHalfTest, AnEndThatTheBrokerWasNotToldIsNotToldToTheNextSession) {
  begin();
  half_.subscribe({"orders", "payments", 0});
  half_.end();
  half_.begin(2);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(ConsumerHalfTest, ACreditOfABillionIsCutToTheMost) {
  half_.subscribe({"orders", "payments", 1'000'000'000});
  half_.begin(1);
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE orders payments 65536"));
}

TEST_F(ConsumerHalfTest, HandsDeliveriesOverAndSettlesThemInOneFrame) {
  begin();
  EXPECT_EQ(half_.on_deliver({{{7, "orders", "payments", 2, "till-1", 70, "event", "why"}}}),
            std::nullopt);
  EXPECT_THAT(inbox_.take_told(), ElementsAre("7: orders for payments try 2 till-1/70 event why"));
  EXPECT_EQ(deliver({8}), std::nullopt);
  half_.settle({{7, Outcome::kAck, ""}});
  half_.settle({{8, Outcome::kDead, "poison"}});
  EXPECT_THAT(sent(), ElementsAre("SETTLE 7=0 8=2"));
  EXPECT_EQ(half_.unsettled(), 0U);
}

TEST_F(ConsumerHalfTest, ManySettlementsTravelInFramesOfAtMostTheLimit) {
  begin(kMaxCredit);
  std::vector<std::uint64_t> tags;
  for (std::uint64_t tag = 1; tag <= kMaxSettlements + 20; ++tag) tags.push_back(tag);
  EXPECT_EQ(deliver(tags), std::nullopt);
  for (const std::uint64_t tag : tags) settle(tag);
  EXPECT_THAT(sent(), ElementsAre("SETTLE 1024", "SETTLE 20"));
}

TEST_F(ConsumerHalfTest, SettlesEachTagOnceAndUnknownOnesNever) {
  begin();
  deliver({7});
  settle(7);
  settle(7);
  settle(99);
  EXPECT_THAT(sent(), ElementsAre("SETTLE 7=0"));
  settle(7);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(ConsumerHalfTest, TagsOfASessionThatIsOverAreNotSettledInTheNext) {
  begin();
  deliver({7, 8});
  settle(7);
  half_.begin(2);
  settle(8);
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE orders payments 3"));
}

TEST_F(ConsumerHalfTest, MoreThanTheCreditIsABreach) {
  begin(2);
  EXPECT_EQ(deliver({1, 2}), std::nullopt);
  EXPECT_THAT(deliver({3}).value_or(""), HasSubstr("more events of orders to payments"));
}

TEST_F(ConsumerHalfTest, CreditIsFreeAgainWhenTheSettlementIsSentAndNotBefore) {
  begin(1);
  deliver({1});
  settle(1);
  EXPECT_TRUE(deliver({2}).has_value()) << "the broker cannot know of it yet";
  sent();
  EXPECT_EQ(deliver({2}), std::nullopt);
}

TEST_F(ConsumerHalfTest, WhatIsUnderWayWhileTheCreditShrinksIsNoBreach) {
  begin(3);
  half_.subscribe({"orders", "payments", 1});
  sent();
  EXPECT_EQ(deliver({1, 2, 3}), std::nullopt);
}

TEST_F(ConsumerHalfTest, WhatNobodySubscribedToIsDropped) {
  begin();
  EXPECT_EQ(deliver({1}, "refunds"), std::nullopt);
  half_.subscribe({"orders", "payments", 0});
  EXPECT_EQ(deliver({2}), std::nullopt) << "it has gone back to the group";
  EXPECT_THAT(inbox_.take_told(), IsEmpty());
  EXPECT_EQ(half_.unsettled(), 0U);
}

TEST_F(ConsumerHalfTest, TheTagsOfASubscriptionThatEndsAreForgotten) {
  begin();
  deliver({1, 2});
  settle(1);
  half_.subscribe({"orders", "payments", 0});
  EXPECT_THAT(sent(), ElementsAre("SETTLE 1=0", "SUBSCRIBE orders payments 0"))
      << "what was settled before is still told";
  settle(2);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(ConsumerHalfTest, ADeliveryThatComesTwiceIsHandedOverOnce) {
  begin();
  deliver({1});
  deliver({1});
  EXPECT_EQ(inbox_.take_told().size(), 1U);
  EXPECT_EQ(half_.unsettled(), 1U);
}

TEST_F(ConsumerHalfTest, AnEventOfNobodyIsABreach) {
  begin();
  EXPECT_TRUE(deliver({1}, "orders", "no such name").has_value());
}

TEST_F(ConsumerHalfTest, ARefusedSubscriptionIsToldAndTriedAgainInTheNextSession) {
  begin();
  half_.on_unsubscribed({"orders", "payments", "too_many", "no room"});
  half_.on_unsubscribed({"orders", "nobody", "too_many", "no room"});
  EXPECT_THAT(inbox_.take_told(), ElementsAre("refused orders for payments: too_many no room"));
  half_.begin(2);
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE orders payments 3"));
}

TEST_F(ConsumerHalfTest, CountsTheFramesOfItsSession) {
  EXPECT_FALSE(half_.sent().has_value());
  begin();
  EXPECT_EQ(half_.sent()->session, 1U);
  EXPECT_EQ(half_.sent()->frames, 1U);
  EXPECT_EQ(half_.arrive(std::nullopt), Arrival::kNext) << "an earlier release's";
  EXPECT_EQ(half_.arrive(SentCount{1, 2}), Arrival::kNext);
  EXPECT_TRUE(half_.has_received({1, 2}));
  EXPECT_FALSE(half_.has_received({1, 3}));
  EXPECT_FALSE(half_.has_received({2, 2}));
  half_.begin(2);
  EXPECT_TRUE(half_.has_received({2, 0}));
}

TEST_F(ConsumerHalfTest, KnowsAFrameThatComesTwiceTooLateOrAfterOneThatWasLost) {
  half_.begin(5);
  EXPECT_EQ(half_.arrive(SentCount{5, 1}), Arrival::kNext);
  EXPECT_EQ(half_.arrive(SentCount{5, 1}), Arrival::kStale);
  EXPECT_EQ(half_.arrive(SentCount{4, 2}), Arrival::kStale) << "of an earlier session";
  EXPECT_EQ(half_.arrive(SentCount{5, 3}), Arrival::kGap);
  EXPECT_TRUE(half_.has_received({5, 1})) << "only what was next counts";
}

TEST_F(ConsumerHalfTest, EachFrameThatItSendsHasItsPlaceInTheSession) {
  begin();
  half_.begin(7);
  deliver({1});
  half_.settle({{1, Outcome::kAck, ""}});
  std::vector<SentCount> places;
  while (const auto bytes = half_.next_frame()) {
    Document document;
    places.push_back(place_of(decode_frame(*bytes, document).value()).value());
  }
  EXPECT_THAT(places, ElementsAre(SentCount{7, 1}, SentCount{7, 2}));
}

TEST_F(ConsumerHalfTest, WhatIsSettledIsToldEvenBetweenSessions) {
  half_.on_settled({{7}});
  EXPECT_THAT(inbox_.take_told(), ElementsAre("settled 7"));
}

}  // namespace
}  // namespace outboxd::transport
