#include "transport/link/relay_session.h"

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

TEST_F(RelaySessionTest, SaysHelloFirstAfterEachConnect) {
  EXPECT_THAT(sent(), IsEmpty());
  session_->connected(now_);
  EXPECT_THAT(sent(), ElementsAre("HELLO till-1 epoch 3 next 101"));
  session_->disconnected("cut");
  EXPECT_THAT(sent(), IsEmpty());
  session_->connected(now_);
  EXPECT_THAT(sent(), ElementsAre("HELLO till-1 epoch 3 next 101"));
}

TEST_F(RelaySessionTest, PublishesNothingBeforeWelcome) {
  session_->connected(now_);
  EXPECT_EQ(session_->wanted(now_), std::nullopt);
}

TEST_F(RelaySessionTest, RepeatsHelloWithBackOffUntilItIsAnswered) {
  session_->connected(now_);
  sent();
  std::vector<std::int64_t> gaps;
  for (int i = 0; i < 9; ++i) {
    const std::int64_t before = now_;
    advance_to_deadline();
    EXPECT_THAT(sent(), ElementsAre(HasSubstr("HELLO")));
    gaps.push_back(now_ - before);
  }
  EXPECT_THAT(gaps, ElementsAre(500, 1000, 2000, 4000, 8000, 16'000, 30'000, 30'000, 30'000));
  EXPECT_THAT(diary_.last(), HasSubstr("does not answer HELLO"));
}

TEST_F(RelaySessionTest, ResumesAfterWhatTheBrokerHasWhateverItRemembered) {
  connect_and_welcome(70);
  EXPECT_THAT(diary_.entries, ElementsAre("connected", "acknowledged 70"));
  EXPECT_EQ(publish_all().front(), "PUBLISH 71+10");
  session_->disconnected("cut");
  connect_and_welcome(75);
  EXPECT_EQ(publish_all().front(), "PUBLISH 76+10");
}

TEST_F(RelaySessionTest, ALoneEventLeavesAtOnceAndTheNextOnesKeepItCompany) {
  connect_and_welcome(100);
  EXPECT_EQ(session_->wanted(now_), std::nullopt);
  outbox_next_ = 102;
  session_->entries_available(102, now_);
  EXPECT_THAT(publish_all(), ElementsAre("PUBLISH 101+1"));
  outbox_next_ = 104;
  session_->entries_available(104, now_);
  EXPECT_EQ(session_->wanted(now_), std::nullopt) << "something is in flight: wait for more";
  advance_to_deadline();
  EXPECT_THAT(publish_all(), ElementsAre("PUBLISH 102+2")) << "but not for long";
}

TEST_F(RelaySessionTest, AFullBatchDoesNotWait) {
  connect_and_welcome(50);
  EXPECT_THAT(publish_all(), ElementsAre("PUBLISH 51+10", "PUBLISH 61+10", "PUBLISH 71+10",
                                         "PUBLISH 81+10", "PUBLISH 91+10"));
}

TEST_F(RelaySessionTest, StopsAtTheWindowOfEventsAndGoesOnWithAcks) {
  restart({.window_events = 20});
  connect_and_welcome(0);
  EXPECT_THAT(publish_all(), ElementsAre("PUBLISH 1+10", "PUBLISH 11+10"));
  EXPECT_EQ(session_->in_flight_events(), 20U);
  receive(AckFrame{10});
  EXPECT_THAT(publish_all(), ElementsAre("PUBLISH 21+10"));
}

TEST_F(RelaySessionTest, StopsAtTheWindowOfBytes) {
  restart({.window_bytes = 60});
  connect_and_welcome(0);
  publish_all();
  EXPECT_LE(session_->in_flight_bytes(), 60U);
  EXPECT_GT(session_->in_flight_events(), 0U);
}

TEST_F(RelaySessionTest, AnEventLargerThanTheWindowOfBytesTravelsAlone) {
  restart({.window_bytes = 50});
  connect_and_welcome(0);
  session_->publish({1, {std::string(200, 'x'), "event 2"}}, now_);
  EXPECT_THAT(sent(), ElementsAre("PUBLISH 1+1"));
}

TEST_F(RelaySessionTest, TheSmallerOfBothWindowsHolds) {
  session_->connected(now_);
  WelcomeFrame welcome = welcome_after(0);
  welcome.window_events = 5;
  receive(welcome);
  publish_all();
  EXPECT_EQ(session_->in_flight_events(), 5U);
}

TEST_F(RelaySessionTest, AFullWindowWaitsForAcksInsteadOfSpinning) {
  restart({.window_events = 20});
  connect_and_welcome(0);
  publish_all();
  EXPECT_GT(*session_->next_deadline_ms(), now_ + 1'000);
}

TEST_F(RelaySessionTest, AnOutboxThatHasNothingYetIsNotAskedAtOnceAgain) {
  connect_and_welcome(0);
  session_->publish({0, {}}, now_);
  EXPECT_EQ(session_->wanted(now_), std::nullopt);
  EXPECT_GT(*session_->next_deadline_ms(), now_);
  advance_to_deadline();
  EXPECT_TRUE(session_->wanted(now_).has_value());
}

TEST_F(RelaySessionTest, AcksAreCumulativeAndMayBeRepeated) {
  connect_and_welcome(0);
  publish_all();
  diary_.entries.clear();
  receive(AckFrame{30});
  receive(AckFrame{30});
  receive(AckFrame{20});
  receive(AckFrame{35});
  EXPECT_THAT(diary_.entries, ElementsAre("acknowledged 30", "acknowledged 35"));
  EXPECT_EQ(session_->in_flight_events(), 65U);
}

TEST_F(RelaySessionTest, ARefusedEventIsToldOnceAndItsPlaceIsSentAsWithdrawn) {
  connect_and_welcome(90);
  publish_all();
  receive(RejectFrame{{{95, reject_code::kForbiddenTopic, "no"}}});
  EXPECT_EQ(diary_.last(), "rejected 95 forbidden_topic no");
  advance_to_deadline();
  EXPECT_THAT(publish_all(), ElementsAre("PUBLISH 95+6 without 95")) << "the rest goes on";
  receive(RejectFrame{{{95, reject_code::kForbiddenTopic, "no"}}});
  EXPECT_EQ(
      std::count(diary_.entries.begin(), diary_.entries.end(), "rejected 95 forbidden_topic no"),
      1);
  receive(AckFrame{100});
  EXPECT_EQ(diary_.last(), "acknowledged 100");
}

TEST_F(RelaySessionTest, ARefusalSurvivesALostConnection) {
  connect_and_welcome(90);
  publish_all();
  receive(RejectFrame{{{95, "forbidden_topic", "no"}, {97, "too_large", "no"}}});
  session_->disconnected("cut");
  connect_and_welcome(93);
  EXPECT_THAT(publish_all(), ElementsAre("PUBLISH 94+7 without 95 without 97"));
}

TEST_F(RelaySessionTest, AnEventThatTheBrokerWouldRefuseForItsSizeIsNotSent) {
  connect_and_welcome(98);
  session_->publish({99, {std::string(5'001, 'x'), "event 100"}}, now_);
  EXPECT_THAT(diary_.last(), HasSubstr("rejected 99 too_large"));
  EXPECT_THAT(sent(), ElementsAre()) << "its dead letter must be durable before";
  session_->publish({99, {"", "event 100"}}, now_);
  EXPECT_THAT(sent(), ElementsAre("PUBLISH 99+2 without 99"));
}

TEST_F(RelaySessionTest, AWithdrawnEntryKeepsItsPlace) {
  connect_and_welcome(98);
  session_->publish({99, {"", "event 100"}}, now_);
  EXPECT_THAT(sent(), ElementsAre("PUBLISH 99+2 without 99"));
}

TEST_F(RelaySessionTest, AsksAnIdleBrokerWhetherItLives) {
  connect_and_welcome(100);
  const std::int64_t start = now_;
  advance_to_deadline();
  EXPECT_EQ(now_ - start, 5'000);
  EXPECT_THAT(sent(), ElementsAre("PING"));
  receive(PongFrame{});
  EXPECT_EQ(session_->state(), LinkState::kConnected);
}

TEST_F(RelaySessionTest, AnswersPing) {
  connect_and_welcome(100);
  receive(PingFrame{});
  EXPECT_THAT(sent(), ElementsAre("PONG"));
}

TEST_F(RelaySessionTest, ASecondWelcomeChangesNothing) {
  connect_and_welcome(90);
  publish_all();
  receive(welcome_after(50));
  EXPECT_EQ(session_->in_flight_events(), 10U);
}

TEST_F(RelaySessionTest, SaysByeAndIsDrainedWhenTheBrokerAnswers) {
  connect_and_welcome(90);
  publish_all();
  session_->close();
  EXPECT_THAT(sent(), ElementsAre("BYE"));
  EXPECT_EQ(session_->wanted(now_), std::nullopt);
  EXPECT_FALSE(session_->drained());
  receive(AckFrame{100});
  EXPECT_EQ(diary_.last(), "acknowledged 100");
  receive(ByeFrame{"drained"});
  EXPECT_TRUE(session_->drained());
  EXPECT_EQ(diary_.last(), "acknowledged 100") << "no trouble to report";
}

TEST_F(RelaySessionTest, IsDrainedAtOnceWhenNobodyIsThere) {
  session_->close();
  EXPECT_TRUE(session_->drained());
}

TEST_F(RelaySessionTest, WhenTheBrokerSaysByeItComesBack) {
  connect_and_welcome(100);
  receive(ByeFrame{"the broker is stopping"});
  EXPECT_EQ(diary_.last(), "connecting: the broker said BYE: the broker is stopping");
}

}  // namespace
}  // namespace outboxd::transport
