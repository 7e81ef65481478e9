// RelaySession, where the broker, the network or the outbox misbehave.
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

TEST_F(RelaySessionTest, ABrokerWithMoreThanWasEverSentIsOfAnotherHistory) {
  session_->connected(now_);
  receive(welcome_after(101));
  EXPECT_EQ(session_->state(), LinkState::kConflict);
  EXPECT_THAT(diary_.last(), HasSubstr("up to 101, but only 100"));
  EXPECT_THAT(diary_.last(), HasSubstr("another box uses the name"));
  EXPECT_EQ(session_->acknowledged_seq(), 0U);
}

TEST_F(RelaySessionTest, NewEventsDoNotMakeABrokerThatIsAheadRight) {
  session_->entries_available(500, now_);
  session_->connected(now_);
  receive(welcome_after(101));
  EXPECT_EQ(session_->state(), LinkState::kConflict) << "what it has cannot be these events";
}

TEST_F(RelaySessionTest, SendsAgainWhatTheBrokerLostAndSaysSo) {
  connect_and_welcome(70);
  session_->disconnected("cut");
  connect_and_welcome(60);
  EXPECT_THAT(diary_.last(), HasSubstr("lost events 61 to 70"));
  EXPECT_EQ(session_->state(), LinkState::kConnected);
  EXPECT_EQ(session_->acknowledged_seq(), 70U) << "never moves backwards";
  EXPECT_EQ(publish_all().front(), "PUBLISH 61+10");
}

TEST_F(RelaySessionTest, AWelcomeThatAnswersAnEarlierHelloIsNotBelieved) {
  WelcomeFrame welcome = welcome_after(10);
  welcome.greeting = 1;
  session_->connected(now_);
  receive(welcome);
  receive(ErrorFrame{link_error::kGap, "once more"});
  session_->tick(now_);
  receive(welcome);
  EXPECT_EQ(session_->state(), LinkState::kConnecting);
  welcome.greeting = 2;
  receive(welcome);
  EXPECT_EQ(session_->state(), LinkState::kConnected);
}

TEST_F(RelaySessionTest, WhatOvertakesWelcomeDecidesFromWhereToResume) {
  session_->connected(now_);
  receive(AckFrame{20});
  receive(CompletedFrame{"orders", {{22, 23}}});
  receive(welcome_after(10));
  EXPECT_EQ(session_->wanted(now_)->from, 24U) << "the others may be removed already";
}

TEST_F(RelaySessionTest, AnOutboxThatNoLongerHasWhatTheBrokerLacksIsAnError) {
  connect_and_welcome(60);
  session_->publish({80, {"event 80"}}, now_);
  EXPECT_EQ(session_->state(), LinkState::kConflict);
  EXPECT_THAT(diary_.last(), HasSubstr("lacks event 61"));
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(RelaySessionTest, AnAckForWhatWasNeverSentIsNotBelieved) {
  connect_and_welcome(90);
  publish_all();
  receive(AckFrame{101});
  EXPECT_EQ(session_->acknowledged_seq(), 90U);
  EXPECT_EQ(session_->state(), LinkState::kIncompatible);
  EXPECT_THAT(diary_.last(), HasSubstr("acknowledged event 101, but only 100"));
}

TEST_F(RelaySessionTest, WithoutProgressItAsksTheBrokerWhereItStandsAndSendsAgain) {
  connect_and_welcome(90);
  EXPECT_THAT(publish_all(), ElementsAre("PUBLISH 91+10"));
  const std::int64_t published = now_;
  while (session_->state() == LinkState::kConnected) {
    advance_to_deadline();
    if (session_->state() != LinkState::kConnected) break;
    receive(PongFrame{});  // it lives, but it does not acknowledge
  }
  EXPECT_EQ(now_ - published, 10'000);
  EXPECT_THAT(diary_.last(), HasSubstr("no ACK for 10 s"));
  advance_to_deadline();
  EXPECT_THAT(sent(), testing::Contains(HasSubstr("HELLO")));
  receive(welcome_after(90));
  EXPECT_THAT(publish_all(), ElementsAre("PUBLISH 91+10"));
}

TEST_F(RelaySessionTest, EachTimeoutWithoutProgressIsTwiceAsLong) {
  connect_and_welcome(90);
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 4; ++i) {
    publish_all();
    const std::int64_t published = now_;
    while (session_->state() == LinkState::kConnected) {
      receive(PongFrame{});
      advance_to_deadline();
      sent();
    }
    waits.push_back((now_ - published) / 1000);
    advance_to_deadline();
    sent();
    receive(welcome_after(90));
  }
  EXPECT_THAT(waits, ElementsAre(10, 20, 40, 60));
}

TEST_F(RelaySessionTest, ARefusalOfWhatWasNeverSentIsNotBelieved) {
  connect_and_welcome(90);
  receive(RejectFrame{{{101, "forbidden_topic", "no"}}});
  EXPECT_EQ(session_->state(), LinkState::kIncompatible);
  EXPECT_THAT(diary_.last(), HasSubstr("refused event 101, which was never sent"));
}

TEST_F(RelaySessionTest, FencedItStopsForGood) {
  connect_and_welcome(90);
  receive(FencedFrame{4});
  EXPECT_EQ(session_->state(), LinkState::kFenced);
  EXPECT_THAT(diary_.last(), HasSubstr("took over with epoch 4"));
  receive(welcome_after(90));
  session_->disconnected("cut");
  session_->connected(now_);
  EXPECT_EQ(session_->wanted(now_), std::nullopt);
  EXPECT_EQ(session_->next_deadline_ms(), std::nullopt);
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(session_->state(), LinkState::kFenced);
}

TEST_F(RelaySessionTest, IsNotFencedByALowerEpoch) {
  connect_and_welcome(90);
  receive(FencedFrame{3});
  EXPECT_EQ(session_->state(), LinkState::kConnecting);
  EXPECT_THAT(diary_.last(), HasSubstr("not higher"));
}

TEST_F(RelaySessionTest, ASilentBrokerIsGivenUpAfterFifteenSeconds) {
  connect_and_welcome(100);
  const std::int64_t start = now_;
  while (session_->state() == LinkState::kConnected) advance_to_deadline();
  EXPECT_EQ(now_ - start, 15'000);
  EXPECT_THAT(diary_.last(), HasSubstr("silent for 15 s"));
  EXPECT_EQ(*session_->next_deadline_ms(), now_) << "HELLO at once";
}

TEST_F(RelaySessionTest, ABrokerOfAnotherVersionIsIncompatibleAndAskedAgainSlowly) {
  session_->connected(now_);
  sent();
  std::string later = encode(welcome_after(0));
  later[0] = '\x02';
  session_->receive(later, now_);
  EXPECT_EQ(diary_.last(),
            "incompatible: the broker speaks version 2 of the protocol, this daemon version 1");
  const std::int64_t refused = now_;
  session_->disconnected("it hung up");
  EXPECT_EQ(session_->state(), LinkState::kIncompatible) << "that is still the news";
  session_->connected(now_);
  EXPECT_THAT(sent(), IsEmpty());
  advance_to_deadline();
  EXPECT_EQ(now_ - refused, 30'000);
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("HELLO")));
  receive(welcome_after(0));
  EXPECT_EQ(session_->state(), LinkState::kConnected) << "somebody repaired it";
}

TEST_F(RelaySessionTest, AFloodFromAnIncompatibleBrokerDoesNotPutTheNextHelloOff) {
  session_->connected(now_);
  sent();
  std::string later = encode(PingFrame{});
  later[0] = '\x02';
  for (int i = 0; i < 31'000; i += 100) {
    now_ += 100;
    session_->tick(now_);
    session_->receive(later, now_);
  }
  now_ += 60'000;
  session_->tick(now_);
  EXPECT_THAT(sent(), testing::Not(IsEmpty()));
}

TEST_F(RelaySessionTest, ABrokerThatRefusesOurVersionIsIncompatible) {
  session_->connected(now_);
  receive(ErrorFrame{link_error::kVersion, "this broker speaks version 2"});
  EXPECT_EQ(session_->state(), LinkState::kIncompatible);
  EXPECT_THAT(diary_.last(), HasSubstr("version: this broker speaks version 2"));
}

TEST_F(RelaySessionTest, GarbageEndsTheSessionAndItStartsAgain) {
  connect_and_welcome(90);
  publish_all();
  session_->receive("\xC1 garbage", now_);
  EXPECT_EQ(session_->state(), LinkState::kConnecting);
  EXPECT_THAT(diary_.last(), HasSubstr("garbage"));
  advance_to_deadline();
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("HELLO")));
  receive(welcome_after(92));
  EXPECT_THAT(publish_all(), ElementsAre("PUBLISH 93+8"));
}

TEST_F(RelaySessionTest, ABrokerThatNeverMakesProgressIsAskedLessAndLessOften) {
  connect_and_welcome(90);
  std::vector<std::int64_t> gaps;
  for (int i = 0; i < 5; ++i) {
    session_->receive("\xC1", now_);
    const std::int64_t before = now_;
    advance_to_deadline();
    gaps.push_back(now_ - before);
    receive(welcome_after(90));
  }
  EXPECT_THAT(gaps, ElementsAre(0, 500, 1'000, 2'000, 4'000));
}

TEST_F(RelaySessionTest, AGapAtTheBrokerIsAnErrorAndIsHealedByHello) {
  connect_and_welcome(90);
  publish_all();
  receive(ErrorFrame{link_error::kGap, "expected event 91, got 95 to 100"});
  EXPECT_THAT(diary_.last(), HasSubstr("gap: expected event 91"));
  advance_to_deadline();
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("HELLO")));
}

TEST_F(RelaySessionTest, AnErrorAboutALaterFrameTypeEndsNothing) {
  connect_and_welcome(90);
  receive(ErrorFrame{link_error::kUnsupported, "no frame of type 11"});
  EXPECT_EQ(session_->state(), LinkState::kConnected);
}

TEST_F(RelaySessionTest, FramesThatOnlyADaemonSendsAreAnError) {
  connect_and_welcome(90);
  receive(HelloFrame{"till-1", 3, 1, ""});
  EXPECT_THAT(diary_.last(), HasSubstr("only a daemon sends"));
}

TEST_F(RelaySessionTest, ABrokerThatGrantsNoRoomIsIncompatible) {
  session_->connected(now_);
  WelcomeFrame welcome = welcome_after(0);
  welcome.max_publish_events = 0;
  receive(welcome);
  EXPECT_EQ(session_->state(), LinkState::kIncompatible);
}

TEST_F(RelaySessionTest, AnOutboxThatCannotBeReadStopsTheLinkAndSaysSo) {
  connect_and_welcome(90);
  session_->fail("the outbox cannot be read: I/O error");
  EXPECT_EQ(diary_.last(), "off: the outbox cannot be read: I/O error");
  EXPECT_EQ(session_->next_deadline_ms(), std::nullopt);
}

}  // namespace
}  // namespace outboxd::transport
