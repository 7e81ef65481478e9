#include "daemon/inbox/broker_inbox.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/daemon/inbox/inbox_stage.h"

namespace outboxd::daemon {
namespace {

using domain::Error;
using domain::ErrorCode;
using domain::InboxKey;
using domain::Status;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Keeps what it is given until the test says what becomes of it.
class PatientConsumer : public EventConsumer {
 public:
  struct Given {
    InboxEvent event;
    DeliveryId delivery;
  };
  void consume(const InboxEvent& event, DeliveryId delivery) override {
    given.push_back({event, delivery});
  }
  std::vector<Given> given;
};

class BrokerInboxTest : public testing::Test {
 protected:
  BrokerInboxTest() {
    stage_.inbox.subscribe("orders", "payments", 10, consumer_);
    EXPECT_THAT(stage_.told(), ElementsAre("subscribe orders/payments 10"));
  }

  // Returns the id under which the consumer was given it.
  DeliveryId deliver(std::uint64_t tag, domain::Seq seq) {
    const std::size_t before = consumer_.given.size();
    stage_.inbox.deliver({InboxStage::delivery(tag, seq)});
    EXPECT_EQ(consumer_.given.size(), before + 1);
    return consumer_.given.back().delivery;
  }

  Inbox::Effect effect(std::string name) {
    return [this, name](domain::UnitOfWork&) {
      stage_.commits.work.effects.push_back(name);
      return domain::ok_status();
    };
  }
  static Inbox::Effect refusal(ErrorCode code, std::string message) {
    return [=](domain::UnitOfWork&) -> Status { return Error{code, message, {}}; };
  }

  InboxStage stage_;
  PatientConsumer consumer_;
};

TEST_F(BrokerInboxTest, GivesTheEventToWhoeverSubscribed) {
  stage_.inbox.deliver({{.tag = 7,
                         .topic = "orders",
                         .group = "payments",
                         .attempt = 2,
                         .producer = "till-1",
                         .seq = 41,
                         .envelope = "bytes",
                         .reason = {}}});
  ASSERT_EQ(consumer_.given.size(), 1U);
  const InboxEvent& event = consumer_.given[0].event;
  EXPECT_EQ(event.topic, "orders");
  EXPECT_EQ(event.group, "payments");
  EXPECT_EQ(event.attempt, 2U);
  EXPECT_EQ(event.producer, "till-1");
  EXPECT_EQ(event.seq, 41U);
  EXPECT_EQ(event.envelope, "bytes");
}

TEST_F(BrokerInboxTest, AcknowledgesWhenEffectAndMarkAreDurableAndNotBefore) {  // G8
  stage_.inbox.commit(deliver(7, 41), effect("charge"));
  EXPECT_THAT(stage_.commits.work.effects, ElementsAre("charge"));
  EXPECT_THAT(stage_.commits.work.marks, ElementsAre(InboxKey{"payments", "till-1", 41}));
  EXPECT_THAT(stage_.told(), IsEmpty());
  stage_.commits.sync();
  EXPECT_THAT(stage_.told(), ElementsAre("ack 7"));
  EXPECT_EQ(stage_.inbox.unsettled(), 0U);
}

TEST_F(BrokerInboxTest, AProcessedEventThatComesAgainIsAcknowledgedWithoutEffect) {  // G8
  stage_.inbox.commit(deliver(7, 41), effect("charge"));
  stage_.commits.sync();
  EXPECT_THAT(stage_.told(), ElementsAre("ack 7"));
  stage_.inbox.deliver({InboxStage::delivery(8, 41)});
  EXPECT_EQ(consumer_.given.size(), 1U);
  EXPECT_THAT(stage_.told(), ElementsAre("ack 8"));
}

TEST_F(BrokerInboxTest, AnEventThatComesAgainWhileItIsWorkedOnOnlyChangesItsTag) {
  const DeliveryId delivery = deliver(7, 41);
  stage_.inbox.deliver({InboxStage::delivery(8, 41)});
  EXPECT_EQ(consumer_.given.size(), 1U) << "one work at a time";
  stage_.inbox.commit(delivery, effect("charge"));
  stage_.inbox.deliver({InboxStage::delivery(9, 41)});
  EXPECT_THAT(stage_.told(), IsEmpty());
  stage_.commits.sync();
  EXPECT_THAT(stage_.told(), ElementsAre("ack 9"));
  EXPECT_THAT(stage_.commits.work.effects, ElementsAre("charge"));
}

TEST_F(BrokerInboxTest, TheSameEventTwiceInOneBatchIsGivenOnce) {
  stage_.inbox.deliver({InboxStage::delivery(7, 41), InboxStage::delivery(8, 41)});
  EXPECT_EQ(consumer_.given.size(), 1U);
}

TEST_F(BrokerInboxTest, ADeadLetterIsAnotherEventThanTheOneThatDied) {
  PatientConsumer letters;
  stage_.inbox.subscribe("dead:orders:payments", "payments", 1, letters);
  stage_.inbox.commit(deliver(7, 41), effect("charge"));
  stage_.commits.sync();
  stage_.inbox.deliver({InboxStage::delivery(8, 41, "dead:orders:payments")});
  EXPECT_EQ(letters.given.size(), 1U);
}

TEST_F(BrokerInboxTest, ARetryGoesBackWithItsReasonAndMayComeAgain) {
  stage_.inbox.retry(deliver(7, 41), "gateway down");
  EXPECT_THAT(stage_.told(), ElementsAre("retry 7 (gateway down)"));
  stage_.inbox.commit(deliver(8, 41), effect("charge"));
  stage_.commits.sync();
  EXPECT_THAT(stage_.told(), ElementsAre("ack 8"));
}

TEST_F(BrokerInboxTest, AnEventThatTheModuleCannotUseIsBuried) {
  stage_.inbox.bury(deliver(7, 41), "not an order");
  EXPECT_THAT(stage_.told(), ElementsAre("dead 7 (not an order)"));
  EXPECT_THAT(stage_.commits.work.marks, IsEmpty());
}

TEST_F(BrokerInboxTest, ARefusedEffectMakesADeadLetterWithTheRefusalAsItsReason) {
  stage_.inbox.commit(deliver(7, 41), refusal(ErrorCode::kInvalidState, "no such order"));
  EXPECT_THAT(stage_.told(), IsEmpty()) << "the refusal may rest on what is not durable yet";
  stage_.commits.sync();
  EXPECT_THAT(stage_.told(), ElementsAre("dead 7 (no such order)"));
  EXPECT_THAT(stage_.commits.work.marks, IsEmpty());
}

TEST_F(BrokerInboxTest, AStoreThatCannotBeReadIsNoFaultOfTheEvent) {
  stage_.inbox.commit(deliver(7, 41), refusal(ErrorCode::kInternal, "EIO"));
  stage_.commits.sync();
  EXPECT_THAT(stage_.told(), ElementsAre("retry 7 (EIO)"));
  stage_.commits.work.is_readable = false;
  stage_.inbox.deliver({InboxStage::delivery(8, 42)});
  EXPECT_THAT(stage_.told(), ElementsAre("retry 8 (EIO)"));
}

TEST_F(BrokerInboxTest, WithoutRoomADeliveryIsHeldAndItsEffectRunsAgainLater) {
  stage_.admission = Error{ErrorCode::kStorageFull, "full", {}};
  stage_.inbox.commit(deliver(7, 41), effect("charge"));
  stage_.inbox.try_held();
  EXPECT_THAT(stage_.commits.work.effects, IsEmpty());
  EXPECT_THAT(stage_.told(), IsEmpty()) << "neither settled nor failed";
  EXPECT_EQ(stage_.inbox.held(), 1U);

  stage_.admission = domain::ok_status();
  stage_.inbox.try_held();
  stage_.commits.sync();
  EXPECT_THAT(stage_.commits.work.effects, ElementsAre("charge"));
  EXPECT_THAT(stage_.told(), ElementsAre("ack 7"));
  EXPECT_EQ(stage_.inbox.held(), 0U);
}

TEST_F(BrokerInboxTest, AFullOutboxHoldsADeliveryToo) {
  bool is_full = true;
  stage_.inbox.commit(deliver(7, 41), [&](domain::UnitOfWork& work) -> Status {
    if (is_full) return Error{ErrorCode::kOutboxFull, "full", {}};
    return effect("charge")(work);
  });
  stage_.commits.sync();
  stage_.inbox.try_held();
  stage_.commits.sync();
  EXPECT_THAT(stage_.told(), IsEmpty());
  is_full = false;
  stage_.inbox.try_held();
  stage_.commits.sync();
  EXPECT_THAT(stage_.told(), ElementsAre("ack 7"));
}

TEST_F(BrokerInboxTest, AHeldDeliveryThatComesAgainIsNotGivenAgain) {
  stage_.admission = Error{ErrorCode::kStorageFull, "full", {}};
  stage_.inbox.commit(deliver(7, 41), effect("charge"));
  stage_.inbox.deliver({InboxStage::delivery(8, 41)});
  EXPECT_EQ(consumer_.given.size(), 1U);
  stage_.admission = domain::ok_status();
  stage_.inbox.try_held();
  stage_.commits.sync();
  EXPECT_THAT(stage_.told(), ElementsAre("ack 8"));
}

TEST_F(BrokerInboxTest, AMarkGoesOnlyWhenTheBrokerWillNotDeliverAgain) {
  stage_.inbox.commit(deliver(7, 41), effect("charge"));
  stage_.commits.sync();
  stage_.inbox.settled({6, 8});
  EXPECT_EQ(stage_.inbox.removals(), 0U) << "these are none of ours";
  stage_.inbox.settled({7});
  EXPECT_EQ(stage_.inbox.removals(), 1U);
  EXPECT_EQ(stage_.commits.work.marks.size(), 1U) << "it rides in a group that is written anyway";
  stage_.inbox.remove_marks(stage_.commits.work);
  EXPECT_THAT(stage_.commits.work.marks, IsEmpty());
  EXPECT_EQ(stage_.inbox.removals(), 0U);
}

TEST_F(BrokerInboxTest, TheSettlementOfADuplicateRemovesTheMarkToo) {
  stage_.commits.work.marks.insert({"payments", "till-1", 41});  // of an earlier life
  stage_.inbox.deliver({InboxStage::delivery(7, 41)});
  stage_.inbox.settled({7});
  stage_.inbox.remove_marks(stage_.commits.work);
  EXPECT_THAT(stage_.commits.work.marks, IsEmpty());
}

TEST_F(BrokerInboxTest, IdsOfAnEarlierStartNameNothingInThisOne) {
  const DeliveryId delivery = deliver(7, 41);
  EXPECT_EQ(static_cast<std::uint64_t>(delivery) >> 32, kTestEpoch);
  EXPECT_TRUE(stage_.inbox.was_given(delivery));
  const DeliveryId earlier{static_cast<std::uint64_t>(delivery) - (std::uint64_t{1} << 32)};
  EXPECT_FALSE(stage_.inbox.was_given(earlier));
  const DeliveryId next{static_cast<std::uint64_t>(delivery) + 1};
  EXPECT_FALSE(stage_.inbox.was_given(next));
}

TEST_F(BrokerInboxTest, G11WhatComesAfterASubscriptionEndedIsReleasedUncounted) {
  stage_.inbox.subscribe("orders", "payments", 0, consumer_);
  stage_.inbox.deliver({InboxStage::delivery(7, 41)});
  EXPECT_THAT(consumer_.given, IsEmpty());
  EXPECT_THAT(stage_.told(), ElementsAre("subscribe orders/payments 0", "release 7"));
}

TEST_F(BrokerInboxTest, WhatWasSettledIsToldBeforeTheEndOfItsSubscription) {
  stage_.inbox.retry(deliver(7, 41), "gateway down");
  stage_.inbox.subscribe("orders", "payments", 0, consumer_);
  EXPECT_THAT(stage_.told(), ElementsAre("retry 7 (gateway down)", "subscribe orders/payments 0"));
}

TEST_F(BrokerInboxTest, AnEventWithoutEffectIsAcknowledgedWithoutCommitAndMark) {
  stage_.inbox.pass_over(deliver(7, 41));
  EXPECT_THAT(stage_.told(), ElementsAre("ack 7"));
  EXPECT_THAT(stage_.commits.work.marks, IsEmpty());
  stage_.inbox.settled({7});
  EXPECT_EQ(stage_.inbox.removals(), 0U) << "there is no mark to remove";

  stage_.inbox.pass_over(deliver(8, 41));
  EXPECT_THAT(stage_.told(), ElementsAre("ack 8")) << "it came again, and is given again";
}

TEST_F(BrokerInboxTest, AReleasedEventLeavesNoTraceAndMayComeAgain) {
  stage_.inbox.release(deliver(7, 41));
  EXPECT_THAT(stage_.told(), ElementsAre("release 7"));
  EXPECT_EQ(stage_.inbox.unsettled(), 0U);
  stage_.inbox.commit(deliver(8, 41), effect("charge"));
  stage_.commits.sync();
  EXPECT_THAT(stage_.told(), ElementsAre("ack 8"));
}

TEST_F(BrokerInboxTest, AConsumerMaySettleBeforeConsumeReturns) {
  class HastyConsumer : public EventConsumer {
   public:
    explicit HastyConsumer(Inbox& inbox) : inbox_(inbox) {}
    void consume(const InboxEvent& event, DeliveryId delivery) override {
      if (event.seq % 2 == 0) return inbox_.bury(delivery, "even");
      inbox_.commit(delivery, [](domain::UnitOfWork&) { return domain::ok_status(); });
    }

   private:
    Inbox& inbox_;
  } hasty(stage_.inbox);
  stage_.inbox.subscribe("stock", "payments", 10, hasty);
  stage_.inbox.deliver({InboxStage::delivery(1, 1, "stock"), InboxStage::delivery(2, 2, "stock"),
                        InboxStage::delivery(3, 3, "stock")});
  stage_.commits.sync();
  EXPECT_THAT(stage_.told(),
              ElementsAre("subscribe stock/payments 10", "dead 2 (even)", "ack 1", "ack 3"));
}

TEST_F(BrokerInboxTest, CountsWhatHappened) {
  stage_.inbox.commit(deliver(1, 1), effect("a"));
  stage_.inbox.deliver({InboxStage::delivery(2, 1)});
  stage_.inbox.retry(deliver(3, 2), "later");
  stage_.inbox.bury(deliver(4, 3), "never");
  stage_.inbox.pass_over(deliver(5, 4));
  stage_.inbox.release(deliver(6, 5));
  stage_.commits.sync();
  const InboxCounters& counters = stage_.inbox.counters();
  EXPECT_EQ(counters.deliveries, 6U);
  EXPECT_EQ(counters.duplicates, 1U);
  EXPECT_EQ(counters.acknowledged, 2U);
  EXPECT_EQ(counters.passed_over, 1U);
  EXPECT_EQ(counters.released, 1U);
  EXPECT_EQ(counters.retried, 1U);
  EXPECT_EQ(counters.buried, 1U);
}

}  // namespace
}  // namespace outboxd::daemon
