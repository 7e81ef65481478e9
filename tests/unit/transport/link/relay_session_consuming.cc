// RelaySession as a consumer: when deliveries count, and when a session has to begin again.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/transport/link/relay_session_fixture.h"

namespace outboxd::transport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

DeliverFrame delivery(std::uint64_t tag) {
  return {{{tag, "orders", "payments", 1, "till-2", tag, "event", ""}}};
}

class RelaySessionConsumingTest : public RelaySessionTest {
 protected:
  void SetUp() override {
    RelaySessionTest::SetUp();
    session_->subscribe({"orders", "payments", 2});
  }

  WelcomeFrame welcome(std::uint64_t session) {
    WelcomeFrame frame = welcome_after(100);
    frame.session = session;
    return frame;
  }

  void begin() {
    session_->connected(now_);
    receive(welcome(1));
    EXPECT_THAT(sent(), testing::Contains("SUBSCRIBE orders payments 2"));
    diary_.entries.clear();
  }
};

TEST_F(RelaySessionConsumingTest, HelloSaysWhatCompletionWaitsForAndWhichProcessThisIs) {
  restart({.instance = 77, .completions = {{"orders", "payments"}}});
  session_->connected(now_);
  const std::string bytes = session_->next_frame().value_or("");
  Document document;
  const auto hello = std::get<HelloFrame>(decode_frame(bytes, document).value());
  EXPECT_EQ(hello.instance, 77U);
  ASSERT_EQ(hello.completions.size(), 1U);
  EXPECT_EQ(hello.completions[0].topic, "orders");
  EXPECT_EQ(hello.completions[0].group, "payments");
}

TEST_F(RelaySessionConsumingTest, SubscribesBehindWelcomeAndAfterEachReconnect) {
  session_->connected(now_);
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("HELLO")));
  receive(welcome(1));
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE orders payments 2"));
  session_->disconnected("cut");
  session_->connected(now_);
  receive(welcome(2));
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("HELLO"), "SUBSCRIBE orders payments 2"));
}

TEST_F(RelaySessionConsumingTest, DeliversAndSettles) {
  begin();
  receive(delivery(7));
  EXPECT_EQ(diary_.last(), "delivered 7");
  session_->settle({{7, Outcome::kRetry, "busy"}});
  EXPECT_THAT(sent(), ElementsAre("SETTLE 7"));
}

TEST_F(RelaySessionConsumingTest, WithoutASessionDeliveriesAreOfOneThatIsOver) {
  begin();
  session_->disconnected("cut");
  session_->connected(now_);
  receive(delivery(7));
  EXPECT_THAT(diary_.entries, Not(testing::Contains("delivered 7")));
  receive(SettledFrame{{6}});
  EXPECT_EQ(diary_.last(), "settled 6") << "that is true all the same";
}

TEST_F(RelaySessionConsumingTest, TheWelcomeToARepeatedHelloMakesItSubscribeAgain) {
  begin();
  receive(delivery(7));
  receive(welcome(2));
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE orders payments 2"));
  session_->settle({{7, Outcome::kAck, ""}});
  EXPECT_THAT(sent(), IsEmpty()) << "its tag is void";
  receive(welcome(2));
  EXPECT_THAT(sent(), IsEmpty()) << "the same one twice changes nothing";
}

TEST_F(RelaySessionConsumingTest, ABrokerThatDeliversMoreThanTheCreditIsGreetedAgain) {
  begin();
  for (const std::uint64_t tag : {1U, 2U, 3U}) receive(delivery(tag));
  EXPECT_THAT(diary_.last(), HasSubstr("more events of orders to payments than"));
  advance_to_deadline();
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("HELLO")));
}

TEST_F(RelaySessionConsumingTest, CompletedRangesAreHandedOn) {
  begin();
  receive(CompletedFrame{"orders", {{1, 3}, {7, 100}}});
  EXPECT_EQ(diary_.last(), "completed orders 1-3 7-100");
}

TEST_F(RelaySessionConsumingTest, ThatEventsAreCompletedWhichWereNeverSentIsNotBelieved) {
  begin();
  receive(CompletedFrame{"orders", {{1, 3}, {7, 101}}});
  EXPECT_EQ(session_->state(), LinkState::kIncompatible);
  EXPECT_THAT(diary_.last(), HasSubstr("event 101 is completed, but only 100"));
}

TEST_F(RelaySessionConsumingTest, AConsumerPingsInTheMiddleOfTheLiveliestExchange) {
  begin();
  const std::int64_t start = now_;
  while (now_ - start < 5'000) {
    now_ += 100;
    receive(SettledFrame{{1}});
    session_->tick(now_);
  }
  EXPECT_THAT(sent(), ElementsAre("PING after 1"));
}

TEST_F(RelaySessionConsumingTest, WhenFramesOfTheBrokerWereLostItBeginsAgain) {
  begin();
  receive(delivery(7));
  receive(PongFrame{SentCount{1, 1}});
  EXPECT_EQ(session_->state(), LinkState::kConnected);
  receive(PongFrame{SentCount{1, 2}});
  EXPECT_THAT(diary_.last(), HasSubstr("were lost"));
  advance_to_deadline();
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("HELLO")));
}

TEST_F(RelaySessionConsumingTest, ABrokerThatDoesNotCountIsTrusted) {
  begin();
  receive(delivery(7));
  receive(PongFrame{});
  EXPECT_EQ(session_->state(), LinkState::kConnected);
}

TEST_F(RelaySessionConsumingTest, ATwinIsIncompatibleAndAsksAgainSlowly) {
  session_->connected(now_);
  sent();
  receive(ErrorFrame{link_error::kTwin, "another process has epoch 3 too"});
  EXPECT_EQ(session_->state(), LinkState::kIncompatible);
  EXPECT_THAT(diary_.last(), HasSubstr("another process has epoch 3 too"));
  const std::int64_t refused = now_;
  advance_to_deadline();
  EXPECT_EQ(now_ - refused, 30'000);
}

TEST_F(RelaySessionConsumingTest, WhatWasSettledBeforeTheStopIsStillTold) {
  begin();
  receive(delivery(7));
  receive(delivery(8));
  session_->settle({{7, Outcome::kAck, ""}});
  session_->close();
  EXPECT_THAT(sent(), ElementsAre("SETTLE 7", "BYE"));
  receive(delivery(9));
  EXPECT_EQ(diary_.last(), "delivered 8") << "nothing is begun any more";
}

TEST_F(RelaySessionConsumingTest, ARefusedSubscriptionIsTold) {
  begin();
  receive(UnsubscribedFrame{"orders", "payments", subscription_code::kTooMany, "no"});
  EXPECT_EQ(diary_.last(), "refused orders payments too_many");
}

TEST_F(RelaySessionConsumingTest, FramesThatOnlyADaemonSendsToABrokerAreAnError) {
  begin();
  receive(SubscribeFrame{"orders", "payments", 1});
  EXPECT_THAT(diary_.last(), HasSubstr("only a daemon sends"));
  advance_to_deadline();
  receive(welcome(2));
  receive(SettleFrame{{{7, Outcome::kAck, ""}}});
  EXPECT_THAT(diary_.last(), HasSubstr("only a daemon sends"));
}

}  // namespace
}  // namespace outboxd::transport
