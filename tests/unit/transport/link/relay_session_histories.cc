// RelaySession and brokers whose numbers are of another history (G13).
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/transport/link/relay_session_fixture.h"

namespace outboxd::transport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class RelaySessionHistories : public RelaySessionTest {
 protected:
  static WelcomeFrame welcome_of(std::string_view history, domain::Seq last_seq) {
    WelcomeFrame welcome = welcome_after(last_seq);
    welcome.history = history;
    return welcome;
  }

  // A session of a box that was connected to the broker `right` and has completed events up to 20.
  void begin(RelaySessionOptions options) {
    options.store = "box";
    options.history = "right";
    restart(std::move(options));
    session_->entries_kept_from(21);
    session_->connected(now_);
    (void)sent();
  }
};

TEST_F(RelaySessionHistories, TheBrokerOfBeforeIsGoneOnWith) {
  begin({});
  receive(welcome_of("right", 30));
  EXPECT_EQ(session_->state(), LinkState::kConnected);
  EXPECT_EQ(session_->acknowledged_seq(), 30U);
}

TEST_F(RelaySessionHistories, AnotherBrokerIsAConflictAndNothingIsToldAsDelivered) {
  begin({});
  receive(welcome_of("wrong", 30));
  EXPECT_EQ(session_->state(), LinkState::kConflict);
  EXPECT_EQ(session_->acknowledged_seq(), 0U);
  EXPECT_THAT(diary_.entries, testing::Contains("conflict other_broker after 30"));
  EXPECT_FALSE(session_->wanted(now_));
}

TEST_F(RelaySessionHistories, WhatAnotherBrokerSaysOfEventsIsNotOfOurs) {
  begin({});
  receive(welcome_of("wrong", 30));
  const std::size_t told = diary_.entries.size();
  receive(AckFrame{50});
  receive(CompletedFrame{"orders", {{1, 50}}});
  EXPECT_EQ(session_->acknowledged_seq(), 0U);
  EXPECT_EQ(diary_.entries.size(), told);
}

TEST_F(RelaySessionHistories, WhenTheRightOneIsBackItGoesOnByItself) {
  begin({});
  receive(welcome_of("wrong", 30));
  session_->disconnected("gone");
  EXPECT_EQ(session_->state(), LinkState::kConflict) << "that there is no broker does not cure it";
  session_->connected(now_);
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("HELLO"))) << "at once: it may be the right one";
  receive(welcome_of("right", 30));
  EXPECT_EQ(session_->state(), LinkState::kConnected);
}

TEST_F(RelaySessionHistories, InAConflictTheBrokerIsAskedEveryHalfMinute) {
  begin({});
  receive(welcome_of("wrong", 30));
  const std::int64_t since = now_;
  now_ = *session_->next_deadline_ms();
  session_->tick(now_);
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("HELLO")));
  EXPECT_EQ(now_ - since, RelaySessionOptions().hello_retry_max_ms);
}

TEST_F(RelaySessionHistories, ABrokerThatLostWhatIsStillHereIsSentItAgain) {
  begin({});
  receive(welcome_of("right", 20));
  EXPECT_EQ(session_->state(), LinkState::kConnected);
  EXPECT_EQ(session_->wanted(now_)->from, 21U);
}

TEST_F(RelaySessionHistories, ABrokerThatLostWhatIsGoneHereIsAConflict) {
  begin({});
  receive(welcome_of("right", 19));
  EXPECT_EQ(session_->state(), LinkState::kConflict);
  EXPECT_THAT(diary_.entries, testing::Contains("conflict broker_behind after 19"));
  EXPECT_THAT(diary_.last(), HasSubstr("lost events 20 to 20"));
}

TEST_F(RelaySessionHistories, WhatPeopleAcceptedIsSentFromWhereTheBrokerStands) {
  RelaySessionOptions options;
  options.accept_loss = true;
  begin(options);
  receive(welcome_of("wrong", 19));
  EXPECT_EQ(session_->state(), LinkState::kConnected);
  EXPECT_EQ(session_->wanted(now_)->from, 20U);
}

TEST_F(RelaySessionHistories, AnAcceptanceEndsWhenTheBrokerHasWhatWasCompletedHere) {
  RelaySessionOptions options;
  options.accept_loss = true;
  begin(options);
  receive(welcome_of("wrong", 19));
  (void)publish_all();
  receive(AckFrame{25});
  session_->disconnected("gone");
  session_->connected(now_);
  receive(welcome_of("yet another", 25));
  EXPECT_EQ(session_->state(), LinkState::kConflict);
}

TEST_F(RelaySessionHistories, TheBrokersQuestionIsAnsweredWithTheNextHello) {
  begin({});
  receive(ProveFrame{40});
  ASSERT_EQ(session_->wanted_proof(), 40U);
  session_->prove(40, 777, now_);
  EXPECT_FALSE(session_->wanted_proof());
  const std::string bytes = session_->next_frame().value();
  Document document;
  const Frame frame = decode_frame(bytes, document).value();
  EXPECT_EQ(std::get<HelloFrame>(frame).proof_seq, 40U);
  EXPECT_EQ(std::get<HelloFrame>(frame).proof_chain, 777U);
}

TEST_F(RelaySessionHistories, AnotherBrokersQuestionIsNotAnswered) {
  begin({});
  receive(ProveFrame{19, "wrong"});
  EXPECT_FALSE(session_->wanted_proof());
  EXPECT_THAT(diary_.entries, testing::Contains("conflict other_broker after 19"));
}

TEST_F(RelaySessionHistories, AConflictThatTheBrokerFindsIsToldWithWhatItHas) {
  begin({});
  receive(ConflictFrame{conflict_code::kOtherStore, 3, 50, "whose name it is"});
  EXPECT_EQ(session_->state(), LinkState::kConflict);
  EXPECT_THAT(diary_.entries, testing::Contains("conflict other_store after 50"));
  EXPECT_THAT(diary_.last(), HasSubstr("whose name it is"));
}

TEST_F(RelaySessionHistories, ABrokerOfTheReleaseBeforeHasNoHistoryToCompare) {
  begin({});
  receive(welcome_after(30));
  EXPECT_EQ(session_->state(), LinkState::kConnected);
}

TEST_F(RelaySessionHistories, PublishCarriesTheChainValueOfEachEvent) {
  begin({});
  receive(welcome_of("right", 98));
  session_->publish({99, {"event 99", "event 100"}, {55, 66}}, now_);
  const std::string bytes = session_->next_frame().value();
  Document document;
  const Frame frame = decode_frame(bytes, document).value();
  EXPECT_THAT(std::get<PublishFrame>(frame).chains, ElementsAre(55U, 66U));
}

}  // namespace
}  // namespace outboxd::transport
