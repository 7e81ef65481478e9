#include "daemon/inbox/local_consumers.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/daemon/inbox/inbox_stage.h"
#include "transport/limits.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::daemon {
namespace {

using domain::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using transport::ConnectionId;

constexpr ConnectionId kTill = 1;
constexpr ConnectionId kKiosk = 2;

class LocalConsumersTest : public testing::Test {
 protected:
  struct Note {
    ConnectionId connection;
    std::string method;
    std::uint64_t tag = 0;
    std::string subject;
    std::string reason;
  };

  bool notify(ConnectionId connection, std::string_view method, std::string_view params) {
    if (blocked_.contains(connection)) return false;
    transport::Document document;
    const transport::Value map = document.decode(params).value().at(0);
    Note note{.connection = connection, .method = std::string(method), .subject = {}, .reason = {}};
    for (std::size_t i = 0; i < map.size(); ++i) {
      const auto [key, value] = map.entry(i);
      if (key.as_string() == "tag") note.tag = *value.as_unsigned();
      if (key.as_string() == "reason") note.reason = *value.as_string();
      if (key.as_string() == "event") note.subject = subject_of(value);
    }
    notes_.push_back(note);
    return true;
  }

  static std::string subject_of(transport::Value event) {
    for (std::size_t i = 0; i < event.size(); ++i) {
      if (event.entry(i).first.as_string() == "subject") {
        return std::string(*event.entry(i).second.as_string());
      }
    }
    return {};
  }

  std::size_t subscribe(ConnectionId connection, std::size_t credit,
                        const std::string& topic = "orders") {
    return local_.subscribe(connection, topic, "payments", credit).value();
  }

  static std::string envelope(std::size_t data_bytes = 1) {
    std::string data;
    transport::Writer(data).binary(std::string(data_bytes, 'x'));
    return transport::encode_envelope(
               {.time_ms = 1, .topic = "orders", .key = "order-1", .type = "t", .data = data})
        .value();
  }

  void deliver(domain::Seq seq, std::string topic = "orders") {
    transport::OwnedDelivery delivery = InboxStage::delivery(100 + seq, seq, std::move(topic));
    delivery.envelope = envelope(data_bytes_);
    stage_.inbox.deliver({std::move(delivery)});
  }

  DeliveryId find(ConnectionId connection, std::uint64_t tag) {
    return local_.find(connection, tag, "tag").value();
  }
  ErrorCode refusal(ConnectionId connection, std::uint64_t tag) {
    return local_.find(connection, tag, "tag").error().code;
  }

  void acknowledge(ConnectionId connection, std::uint64_t tag) {
    const DeliveryId delivery = find(connection, tag);
    local_.note_committing(delivery);
    local_.acknowledge(delivery);
  }

  InboxStage stage_;
  std::vector<Note> notes_;
  std::set<ConnectionId> blocked_;
  std::size_t data_bytes_ = 1;
  LocalConsumers local_{
      stage_.inbox, [this](ConnectionId connection, std::string_view method,
                           std::string_view params) { return notify(connection, method, params); }};
};

TEST_F(LocalConsumersTest, SendsDeliveriesAsNotificationsUnderATagOfTheDaemon) {
  EXPECT_EQ(subscribe(kTill, 10), 10U);
  EXPECT_THAT(stage_.told(), ElementsAre("subscribe orders/payments 10"));
  deliver(5);
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_EQ(notes_[0].connection, kTill);
  EXPECT_EQ(notes_[0].method, "delivery");
  EXPECT_EQ(notes_[0].subject, "order-1");
  EXPECT_EQ(find(kTill, notes_[0].tag), DeliveryId{notes_[0].tag});
}

TEST_F(LocalConsumersTest, ConnectionsOfOneGroupTakeTurnsWithinTheirCredit) {
  subscribe(kTill, 1);
  subscribe(kKiosk, 2);
  EXPECT_THAT(stage_.told(),
              ElementsAre("subscribe orders/payments 1", "subscribe orders/payments 3"));
  for (domain::Seq seq = 1; seq <= 4; ++seq) deliver(seq);
  std::map<ConnectionId, int> given;
  for (const Note& note : notes_) ++given[note.connection];
  EXPECT_EQ(given[kTill], 1);
  EXPECT_EQ(given[kKiosk], 2);
  acknowledge(kTill, notes_[0].connection == kTill ? notes_[0].tag : notes_[1].tag);
  local_.pump();
  EXPECT_EQ(notes_.size(), 4U) << "the fourth waited for credit";
  EXPECT_EQ(notes_.back().connection, kTill);
}

TEST_F(LocalConsumersTest, SettlingGoesToTheBrokerUnderTheBrokersTag) {
  subscribe(kTill, 10);
  deliver(1);
  deliver(2);
  deliver(3);
  (void)stage_.told();
  local_.retry(find(kTill, notes_[0].tag), "busy");
  local_.bury(find(kTill, notes_[1].tag), "nonsense");
  acknowledge(kTill, notes_[2].tag);
  EXPECT_THAT(stage_.told(), ElementsAre("retry 101 (busy)", "dead 102 (nonsense)", "ack 103"));
}

TEST_F(LocalConsumersTest, ATagIsRefusedWhenItIsUnknownForeignOrUsedUp) {
  subscribe(kTill, 10);
  deliver(1);
  const std::uint64_t tag = notes_[0].tag;
  EXPECT_EQ(refusal(kTill, tag + 1), ErrorCode::kNotFound);
  EXPECT_EQ(refusal(kTill, 1), ErrorCode::kNotFound);
  EXPECT_EQ(refusal(kKiosk, tag), ErrorCode::kPermissionDenied);
  acknowledge(kTill, tag);
  EXPECT_EQ(refusal(kTill, tag), ErrorCode::kInvalidState);
  EXPECT_THAT(local_.find(kTill, tag, "settle[0]").error().message, HasSubstr("settled already"));
  EXPECT_EQ(local_.find(kTill, tag, "settle[0]").error().argument, "settle[0]");
}

TEST_F(LocalConsumersTest, ATagIsUsedUpAsSoonAsItsCommitIsAccepted) {
  subscribe(kTill, 10);
  deliver(1);
  local_.note_committing(find(kTill, notes_[0].tag));
  EXPECT_EQ(refusal(kTill, notes_[0].tag), ErrorCode::kInvalidState);
}

TEST_F(LocalConsumersTest, ADisconnectGivesBackWhatWasNotSettledAndNothingElse) {
  subscribe(kTill, 10);
  deliver(1);
  deliver(2);
  deliver(3);
  acknowledge(kTill, notes_[0].tag);
  const DeliveryId committing = find(kTill, notes_[1].tag);
  local_.note_committing(committing);
  (void)stage_.told();
  local_.forget(kTill);
  EXPECT_THAT(stage_.told(),
              ElementsAre("retry 103 (the consumer disconnected)", "subscribe orders/payments 0"))
      << "the end of the subscription would make the attempt uncounted (G11)";
  local_.acknowledge(committing);
  EXPECT_THAT(stage_.told(), ElementsAre("ack 102")) << "its commit went on without it";
}

TEST_F(LocalConsumersTest, G11WhatNoClientWasGivenIsReleasedWhenTheLastOneEndsItsSubscription) {
  subscribe(kTill, 1);
  deliver(1);
  deliver(2);
  (void)stage_.told();
  subscribe(kTill, 0);
  EXPECT_THAT(stage_.told(), ElementsAre("subscribe orders/payments 0", "release 102"));
  EXPECT_EQ(local_.waiting_bytes(), 0U);
}

TEST_F(LocalConsumersTest, G11ADisconnectCountsForWhatTheClientHadAndNotForWhatWaitedForIt) {
  subscribe(kTill, 1);
  deliver(1);
  deliver(2);
  (void)stage_.told();
  local_.forget(kTill);
  EXPECT_THAT(stage_.told(), ElementsAre("retry 101 (the consumer disconnected)",
                                         "subscribe orders/payments 0", "release 102"));
}

TEST_F(LocalConsumersTest, TheOthersOfAGroupGoOnWhenOneDisconnects) {
  subscribe(kTill, 1);
  subscribe(kKiosk, 1);
  deliver(1);
  deliver(2);
  (void)stage_.told();
  local_.forget(kTill);
  deliver(3);
  EXPECT_EQ(notes_.size(), 2U) << "the other one's credit is used up";
  const Note& other = notes_[0].connection == kKiosk ? notes_[0] : notes_[1];
  acknowledge(kKiosk, other.tag);
  local_.pump();
  ASSERT_EQ(notes_.size(), 3U);
  EXPECT_EQ(notes_[2].connection, kKiosk);
}

TEST_F(LocalConsumersTest, ACreditOfABillionCountsAsTheMost) {
  EXPECT_EQ(subscribe(kTill, 1'000'000'000), kMaxLocalCredit);
}

TEST_F(LocalConsumersTest, ACreditOfZeroEndsTheSubscriptionAndWhatWasGivenCanStillBeSettled) {
  EXPECT_EQ(subscribe(kTill, 0), 0U) << "there is nothing to end";
  EXPECT_THAT(stage_.told(), IsEmpty());
  subscribe(kTill, 2);
  deliver(1);
  EXPECT_EQ(subscribe(kTill, 0), 0U);
  (void)stage_.told();
  acknowledge(kTill, notes_[0].tag);
  EXPECT_THAT(stage_.told(), ElementsAre("ack 101"));
  deliver(2);
  EXPECT_EQ(notes_.size(), 1U);
}

TEST_F(LocalConsumersTest, SubscribingAgainReplacesTheCredit) {
  subscribe(kTill, 5);
  subscribe(kTill, 2);
  subscribe(kTill, 2);
  EXPECT_THAT(stage_.told(),
              ElementsAre("subscribe orders/payments 5", "subscribe orders/payments 2"));
}

TEST_F(LocalConsumersTest, WhatAModuleConsumesIsNotSharedWithClients) {
  class Module : public EventConsumer {
    void consume(const InboxEvent&, DeliveryId) override {}
  } module;
  stage_.inbox.subscribe("orders", "payments", 1, module);
  const auto refused = local_.subscribe(kTill, "orders", "payments", 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidState);
}

TEST_F(LocalConsumersTest, SubscriptionsAreBounded) {
  for (std::size_t i = 0; i < transport::kMaxSubscriptions; ++i) {
    subscribe(kTill, 1, "topic-" + std::to_string(i));
  }
  EXPECT_EQ(local_.subscribe(kTill, "one-more", "payments", 1).error().code, ErrorCode::kTooLarge);
}

TEST_F(LocalConsumersTest, AClientThatDoesNotReadStopsTheFlowInsteadOfFillingTheMemory) {
  subscribe(kTill, 4000);
  blocked_.insert(kTill);
  data_bytes_ = 500 << 10;
  (void)stage_.told();
  for (domain::Seq seq = 1; seq <= 17; ++seq) deliver(seq);
  local_.pump();
  EXPECT_GT(local_.waiting_bytes(), LocalConsumers::kMaxWaitingBytes);
  EXPECT_THAT(stage_.told(), ElementsAre("subscribe orders/payments 17")) << "no more than it has";

  blocked_.clear();
  local_.pump();
  EXPECT_EQ(notes_.size(), 17U) << "nothing was lost";
  EXPECT_EQ(local_.waiting_bytes(), 0U);
  EXPECT_THAT(stage_.told(), ElementsAre("subscribe orders/payments 4000"));
}

TEST_F(LocalConsumersTest, AnEnvelopeThatCannotBeDecodedIsBuried) {
  subscribe(kTill, 1);
  stage_.inbox.deliver({InboxStage::delivery(7, 1)});
  ASSERT_EQ(stage_.channel.said.size(), 1U);
  const std::vector<std::string> told = stage_.told();
  EXPECT_THAT(told.back(), HasSubstr("dead 7 (undecodable"));
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(LocalConsumersTest, ADeadLetterComesWithTheReasonOfItsDeath) {
  subscribe(kTill, 1, "dead:orders:payments");
  transport::OwnedDelivery delivery = InboxStage::delivery(7, 1, "dead:orders:payments");
  delivery.envelope = envelope();
  delivery.reason = "not an order";
  stage_.inbox.deliver({std::move(delivery)});
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_EQ(notes_[0].reason, "not an order");
}

TEST_F(LocalConsumersTest, ASubscriptionThatTheBrokerRefusesIsToldAndEnds) {
  subscribe(kTill, 1);
  local_.refuse("orders", "payments", "too_many", "no");
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_EQ(notes_[0].method, "subscription_ended");
  EXPECT_EQ(stage_.inbox.subscriptions(), 0U);
}

}  // namespace
}  // namespace outboxd::daemon
