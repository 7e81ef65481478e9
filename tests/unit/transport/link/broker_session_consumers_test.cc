// What a session is to consumers: subscriptions, settlements, and how it ends.
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/transport/link/broker_session_fixture.h"
#include "transport/limits.h"

namespace outboxd::transport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Keeps what the groups are told, as text.
class Groups final : public ConsumerHandler {
 public:
  void on_session(std::string_view producer, std::uint64_t epoch,
                  const std::vector<CompletionRule>& completions) override {
    std::string text = std::string(producer) + "/" + std::to_string(epoch) + " is there";
    for (const CompletionRule& rule : completions) {
      text += ", wants " + std::string(rule.topic) + " of " + std::string(rule.group);
    }
    told.push_back(std::move(text));
    if (deliver_at_once) delivered = sessions->send_to(producer, encode(SettledFrame{{1}}));
  }
  void on_session_end(std::string_view producer, SessionEnd why) override {
    constexpr std::string_view kWords[] = {" left", " is lost", " died"};
    told.push_back(std::string(producer) + std::string(kWords[static_cast<int>(why)]));
  }
  std::optional<Refused> on_subscribe(std::string_view producer,
                                      const SubscribeFrame& subscribe) override {
    told.push_back(std::string(producer) + " wants " + std::to_string(subscribe.credit) + " of " +
                   std::string(subscribe.topic) + " as " + std::string(subscribe.group));
    if (lose_session) delivered = sessions->send_to(producer, encode(SettledFrame{{1}}));
    if (subscribe.group == "unwanted") return Refused{subscription_code::kTooMany, "no"};
    return std::nullopt;
  }
  void on_settle(std::string_view producer, const SettleFrame& settle) override {
    for (const Settlement& each : settle.settlements) {
      told.push_back(std::string(producer) + " settles " + std::to_string(each.tag) + " as " +
                     std::to_string(static_cast<int>(each.outcome)) + " " +
                     std::string(each.reason));
    }
  }
  std::vector<std::string> take_told() { return std::exchange(told, {}); }

  BrokerSessions* sessions = nullptr;
  bool deliver_at_once = false;
  bool lose_session = false;
  bool delivered = false;
  std::vector<std::string> told;
};

class BrokerConsumersTest : public BrokerSessionTest {
 protected:
  void SetUp() override {
    BrokerSessionTest::SetUp();
    groups_.sessions = sessions_.get();
    sessions_->attach(groups_);
  }

  // A session of till-1 on connection p, whose beginning is no news any more.
  void begin() {
    hello("p", "till-1", 1, 77);
    groups_.take_told();
    output_.take_sent();
  }
  void subscribe(std::string_view topic, std::string_view group, std::uint64_t credit) {
    receive("p", encode(SubscribeFrame{topic, group, credit}));
  }

  Groups groups_;
};

TEST_F(BrokerConsumersTest, GroupsLearnOfASessionWhenWelcomeIsSentAndNotBefore) {
  receive("p", encode(HelloFrame{"till-1", 3, 1, "test", {{"orders", "payments"}}}));
  EXPECT_THAT(groups_.take_told(), IsEmpty());
  durable("till-1", 0);
  EXPECT_THAT(groups_.take_told(), ElementsAre("till-1/3 is there, wants orders of payments"));
}

TEST_F(BrokerConsumersTest, WhatGroupsSendAtOnceFollowsWelcome) {
  groups_.deliver_at_once = true;
  hello("p", "till-1", 1);
  EXPECT_TRUE(groups_.delivered);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- WELCOME after 0", "p <- SETTLED"));
}

TEST_F(BrokerConsumersTest, SubscriptionsAndSettlementsReachTheGroups) {
  begin();
  subscribe("orders", "payments", 10);
  receive("p", encode(SettleFrame{{{7, Outcome::kAck, ""}, {8, Outcome::kRetry, "busy"}}}));
  EXPECT_THAT(groups_.take_told(),
              ElementsAre("till-1 wants 10 of orders as payments", "till-1 settles 7 as 0 ",
                          "till-1 settles 8 as 1 busy"));
}

TEST_F(BrokerConsumersTest, ACreditOfABillionIsCutToTheMost) {
  begin();
  subscribe("orders", "payments", 1'000'000'000);
  EXPECT_THAT(groups_.take_told(), ElementsAre("till-1 wants 65536 of orders as payments"));
}

TEST_F(BrokerConsumersTest, ACreditOfZeroEndsASubscriptionAndIsNothingWithoutOne) {
  begin();
  subscribe("orders", "payments", 0);
  EXPECT_THAT(groups_.take_told(), IsEmpty());
  subscribe("orders", "payments", 5);
  subscribe("orders", "payments", 0);
  EXPECT_THAT(groups_.take_told(), ElementsAre("till-1 wants 5 of orders as payments",
                                               "till-1 wants 0 of orders as payments"));
}

TEST_F(BrokerConsumersTest, NamesThatNoGroupOrTopicCanHaveAreRefusedAndTheSessionGoesOn) {
  begin();
  subscribe("no such name", "payments", 1);
  subscribe("a:b", "payments", 1);
  subscribe("dead:orders", "payments", 1);
  subscribe(std::string(65, 'x'), "payments", 1);
  EXPECT_THAT(output_.take_sent(), testing::Each(HasSubstr("payments invalid_topic")));
  subscribe("orders", "", 1);
  subscribe("orders", std::string(129, 'x'), 1);
  EXPECT_THAT(output_.take_sent(), testing::Each(HasSubstr(" invalid_group")));
  EXPECT_THAT(groups_.take_told(), IsEmpty());
  subscribe("dead:orders:payments", "payments", 1);
  EXPECT_THAT(groups_.take_told(),
              ElementsAre("till-1 wants 1 of dead:orders:payments as payments"));
}

TEST_F(BrokerConsumersTest, ARefusalOfTheGroupsIsTold) {
  begin();
  subscribe("orders", "unwanted", 1);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- UNSUBSCRIBED orders unwanted too_many"));
}

TEST_F(BrokerConsumersTest, ThereIsABoundOnSubscriptions) {
  begin();
  for (std::size_t i = 0; i < kMaxSubscriptions; ++i) subscribe("t" + std::to_string(i), "g", 1);
  EXPECT_THAT(output_.take_sent(), IsEmpty());
  subscribe("one-more", "g", 1);
  subscribe("t0", "g", 9);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- UNSUBSCRIBED one-more g too_many"));
  EXPECT_EQ(groups_.told.back(), "till-1 wants 9 of t0 as g") << "one that is there may change";
}

TEST_F(BrokerConsumersTest, WithoutASessionNothingReachesTheGroups) {
  subscribe("orders", "payments", 1);
  receive("p", encode(SettleFrame{{{7, Outcome::kAck, ""}}}));
  EXPECT_THAT(groups_.take_told(), IsEmpty());
  EXPECT_THAT(output_.take_sent(), ElementsAre(HasSubstr("ERROR hello_first")));
}

TEST_F(BrokerConsumersTest, ABrokerWithoutGroupsSaysThatItHasNone) {
  sessions_ = std::make_unique<BrokerSessions>(BrokerSessionOptions{}, admission_, output_);
  hello("p", "till-1", 1);
  output_.take_sent();
  subscribe("orders", "payments", 1);
  EXPECT_THAT(output_.take_sent(), ElementsAre(HasSubstr("ERROR unsupported")));
  publish("p", 1, {"a1"});
  EXPECT_THAT(output_.take_appended(), testing::SizeIs(1)) << "the session goes on";
}

TEST_F(BrokerConsumersTest, FramesThatOnlyABrokerSendsToConsumersAreMalformed) {
  for (const std::string& frame :
       {encode(DeliverFrame{{{1, "orders", "payments", 1, "till-2", 1, "e", ""}}}),
        encode(SettledFrame{{1}}), encode(CompletedFrame{"orders", {{1, 2}}}),
        encode(UnsubscribedFrame{"orders", "payments", "too_many", ""})}) {
    begin();
    receive("p", frame);
    EXPECT_THAT(output_.take_sent(), ElementsAre(HasSubstr("ERROR malformed")));
    EXPECT_THAT(groups_.take_told(), ElementsAre("till-1 is lost"));
  }
}

TEST_F(BrokerConsumersTest, ACompletionRuleThatNamesNobodyIsRefused) {
  receive("p", encode(HelloFrame{"till-1", 3, 1, "test", {{"orders", ""}}}));
  receive("p", encode(HelloFrame{"till-1", 3, 1, "test", {{"or ders", "payments"}}}));
  EXPECT_THAT(output_.take_sent(), testing::Each(HasSubstr("ERROR invalid")));
  EXPECT_THAT(output_.epochs_taken, IsEmpty());
}

TEST_F(BrokerConsumersTest, AConsumerThatSaysByeLeaves) {
  begin();
  publish("p", 1, {"a1"});
  receive("p", encode(ByeFrame{"stopping"}));
  EXPECT_THAT(groups_.take_told(), ElementsAre("till-1 left")) << "though its ACK is not out yet";
  EXPECT_FALSE(sessions_->send_to("till-1", encode(SettledFrame{{1}})));
  durable("till-1", 1);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- ACK 1", "p <- BYE"));
  EXPECT_THAT(groups_.take_told(), IsEmpty());
}

TEST_F(BrokerConsumersTest, ASilentConsumerIsLost) {
  begin();
  now_ += 30'000;
  sessions_->tick(now_);
  EXPECT_THAT(groups_.take_told(), ElementsAre("till-1 is lost"));
}

TEST_F(BrokerConsumersTest, AConsumerWhoseAckCannotBeSentIsLost) {
  begin();
  publish("p", 1, {"a1"});
  output_.unreachable = "p";
  durable("till-1", 1);
  EXPECT_THAT(groups_.take_told(), ElementsAre("till-1 is lost"));
}

TEST_F(BrokerConsumersTest, WhoSendsLearnsOfTheLostSessionFromTheAnswerAlone) {
  begin();
  output_.unreachable = "p";
  EXPECT_FALSE(sessions_->send_to("till-1", encode(SettledFrame{{1}})));
  EXPECT_FALSE(sessions_->send_to("till-1", encode(SettledFrame{{1}})));
  EXPECT_THAT(groups_.take_told(), IsEmpty());
  EXPECT_FALSE(sessions_->producers("", 1).at(0).connected);
}

TEST_F(BrokerConsumersTest, ASessionMayBeLostWhileItSubscribes) {
  begin();
  groups_.lose_session = true;
  output_.unreachable = "p";
  subscribe("orders", "unwanted", 1);
  output_.unreachable.clear();
  EXPECT_FALSE(groups_.delivered);
  EXPECT_THAT(output_.take_sent(), IsEmpty()) << "there is nobody to tell the refusal to";
  receive("p", encode(PingFrame{}));
  EXPECT_THAT(output_.take_sent(), ElementsAre(HasSubstr("ERROR hello_first")));
}

TEST_F(BrokerConsumersTest, TheSameProcessOnANewConnectionBeginsAnewWithoutAnEnd) {
  begin();
  hello("q", "till-1", 1, 77);
  EXPECT_THAT(groups_.take_told(), ElementsAre("till-1/1 is there"));
}

TEST_F(BrokerConsumersTest, ARepeatedHelloBeginsAnewAsWell) {
  begin();
  subscribe("orders", "payments", 1);
  hello("p", "till-1", 1, 77);
  EXPECT_THAT(groups_.take_told(),
              ElementsAre("till-1 wants 1 of orders as payments", "till-1/1 is there"));
}

TEST_F(BrokerConsumersTest, AYoungerProcessMeansThatTheOlderOneDied) {
  begin();
  hello("q", "till-1", 2, 78);
  EXPECT_THAT(groups_.take_told(), ElementsAre("till-1 died", "till-1/2 is there"));
}

TEST_F(BrokerConsumersTest, AProcessThatWasLostIsKnownToHaveDiedWhenAYoungerOneComes) {
  begin();
  now_ += 30'000;
  sessions_->tick(now_);
  hello("q", "till-1", 2, 78);
  EXPECT_THAT(groups_.take_told(),
              ElementsAre("till-1 is lost", "till-1 died", "till-1/2 is there"));
}

TEST_F(BrokerConsumersTest, AConnectionThatChangesItsProducerLosesTheFirst) {
  begin();
  hello("p", "till-2", 1);
  EXPECT_THAT(groups_.take_told(), ElementsAre("till-1 is lost", "till-2/1 is there"));
}

TEST_F(BrokerConsumersTest, BetweenHelloAndWelcomeNothingCanBeSent) {
  begin();
  receive("q", encode(HelloFrame{"till-1", 2, 1, "test"}));
  EXPECT_FALSE(sessions_->send_to("till-1", encode(SettledFrame{{1}})));
  durable("till-1", 0);
  EXPECT_EQ(groups_.told.back(), "till-1/2 is there");
  EXPECT_TRUE(sessions_->send_to("till-1", encode(SettledFrame{{1}})));
}

TEST_F(BrokerConsumersTest, FramesThatWereLostAreMissedAtTheNextPing) {
  begin();
  subscribe("orders", "payments", 1);
  EXPECT_TRUE(sessions_->send_to("till-1", encode(SettledFrame{{1}})));
  output_.take_sent();
  receive("p", encode(PingFrame{SentCount{1, 1}}));
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- PONG after 1"));
  receive("p", encode(PingFrame{SentCount{1, 2}}));
  EXPECT_THAT(
      output_.take_sent(),
      ElementsAre("p <- ERROR lost: 1 frames of session 1 have arrived, not 2 of session 1"));
  EXPECT_EQ(groups_.told.back(), "till-1 is lost");
  EXPECT_EQ(sessions_->counters().frames_lost, 1U);
}

TEST_F(BrokerConsumersTest, AFrameThatComesTwiceOrFromAnEarlierSessionIsNotHeard) {
  begin();
  const std::string settle = encode(SettleFrame{{{7, Outcome::kRetry, ""}}});
  receive("p", placed(settle, {1, 1}));
  EXPECT_EQ(groups_.take_told().size(), 1U);
  receive("p", placed(settle, {1, 1}));
  receive("p", placed(settle, {9, 2}));
  EXPECT_THAT(groups_.take_told(), IsEmpty());
}

TEST_F(BrokerConsumersTest, AFrameThatWasLostIsMissedAtTheNextOne) {
  begin();
  receive("p", placed(encode(SettleFrame{{{7, Outcome::kRetry, ""}}}), {1, 2}));
  EXPECT_THAT(output_.take_sent(), testing::Contains(HasSubstr("ERROR lost")));
  EXPECT_EQ(groups_.told.back(), "till-1 is lost");
}

TEST_F(BrokerConsumersTest, APingOfAnotherSessionShowsThatAWelcomeWasLost) {
  begin();
  receive("p", encode(PingFrame{SentCount{9, 0}}));
  EXPECT_THAT(output_.take_sent(), ElementsAre(HasSubstr("ERROR lost")));
}

TEST_F(BrokerConsumersTest, WhenTheBrokerStopsNothingReachesTheGroupsAnyMore) {
  begin();
  sessions_->close();
  subscribe("orders", "payments", 1);
  receive("p", encode(SettleFrame{{{7, Outcome::kAck, ""}}}));
  EXPECT_THAT(groups_.take_told(), IsEmpty());
}

}  // namespace
}  // namespace outboxd::transport
