#include "transport/link/broker_session.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/transport/link/broker_session_fixture.h"

namespace outboxd::transport {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(BrokerSessionTest, WelcomesANewProducerAtTheBeginning) {
  hello("p", "till-1", 1);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- WELCOME after 0"));
}

TEST_F(BrokerSessionTest, WelcomesAKnownProducerAfterItsLastDurableEvent) {
  sessions_->restore("till-1", {4, 70});
  hello("p", "till-1", 5);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- WELCOME after 70"));
}

TEST_F(BrokerSessionTest, AcknowledgesWhenDurableAndNotBefore) {
  hello("p", "till-1", 1);
  output_.take_sent();
  publish("p", 1, {"a1", "b2"});
  publish("p", 3, {"a3"});
  EXPECT_THAT(output_.take_appended(),
              ElementsAre("till-1/1 1-2 1:a1@a 2:b2@b", "till-1/1 3-3 3:a3@a"));
  EXPECT_THAT(output_.take_sent(), IsEmpty());
  EXPECT_FALSE(sessions_->drained());
  durable("till-1", 3);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- ACK 3")) << "one ACK for both";
  EXPECT_TRUE(sessions_->drained());
}

TEST_F(BrokerSessionTest, DropsDuplicatesAndAcknowledgesThemAgain) {
  hello("p", "till-1", 1);
  publish("p", 1, {"a1", "b2"});
  durable("till-1", 2);
  output_.take_sent();
  output_.take_appended();
  publish("p", 1, {"a1", "b2"});
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- ACK 2"));
  EXPECT_THAT(output_.take_appended(), IsEmpty());
  EXPECT_EQ(sessions_->counters().events_duplicate, 2U);
}

TEST_F(BrokerSessionTest, DoesNotAcknowledgeDuplicatesOfWhatIsNotDurableYet) {
  hello("p", "till-1", 1);
  publish("p", 1, {"a1"});
  output_.take_sent();
  publish("p", 1, {"a1"});
  EXPECT_THAT(output_.take_sent(), IsEmpty());
}

TEST_F(BrokerSessionTest, TakesTheNewPartOfABatchThatOverlaps) {
  hello("p", "till-1", 1);
  publish("p", 1, {"a1", "b2"});
  publish("p", 2, {"b2", "c3"});
  EXPECT_THAT(output_.take_appended(),
              ElementsAre("till-1/1 1-2 1:a1@a 2:b2@b", "till-1/1 3-3 3:c3@c"));
  EXPECT_EQ(sessions_->counters().events_duplicate, 1U);
}

TEST_F(BrokerSessionTest, AGapIsRefusedAndEndsTheSession) {
  hello("p", "till-1", 1);
  output_.take_sent();
  publish("p", 3, {"c3", "d4"});
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- ERROR gap: expected event 1, got 3 to 4"));
  EXPECT_THAT(output_.take_appended(), IsEmpty());
  publish("p", 1, {"a1"});
  EXPECT_THAT(output_.take_sent(), ElementsAre(HasSubstr("ERROR hello_first")));
  EXPECT_EQ(sessions_->counters().gaps, 1U);
}

TEST_F(BrokerSessionTest, WithdrawnEventsAreCountedButNotStored) {
  hello("p", "till-1", 1);
  publish("p", 1, {"", "b2", ""});
  EXPECT_THAT(output_.take_appended(), ElementsAre("till-1/1 1-3 2:b2@b"));
  EXPECT_EQ(sessions_->counters().events_withdrawn, 2U);
}

TEST_F(BrokerSessionTest, AHigherEpochFencesTheLowerOne) {
  hello("old", "till-1", 1);
  hello("new", "till-1", 2);
  EXPECT_THAT(output_.take_sent(), ElementsAre("old <- WELCOME after 0", "old <- FENCED by 2",
                                               "new <- WELCOME after 0"));
  publish("old", 1, {"a1"});
  EXPECT_THAT(output_.take_appended(), IsEmpty());
  hello("old", "till-1", 1);
  EXPECT_THAT(output_.take_sent(), Contains("old <- FENCED by 2"));
}

TEST_F(BrokerSessionTest, ALowerEpochIsFencedAfterARestartOfTheBrokerToo) {
  sessions_->restore("till-1", {7, 10});
  hello("p", "till-1", 6);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- FENCED by 7"));
}

TEST_F(BrokerSessionTest, AnEpochIsDurableBeforeItsSessionBegins) {
  receive("p", encode(HelloFrame{"till-1", 4, 1, "test"}));
  EXPECT_THAT(output_.epochs_taken, ElementsAre("till-1/4"));
  EXPECT_THAT(output_.take_sent(), IsEmpty()) << "a restart now would forget that 4 was here (G12)";
  EXPECT_FALSE(sessions_->drained());
  publish("p", 1, {"a1"});
  EXPECT_THAT(output_.take_appended(), IsEmpty());
  durable("till-1", 0);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- WELCOME after 0"));
  EXPECT_TRUE(sessions_->drained());
}

TEST_F(BrokerSessionTest, AnEpochThatIsDurableAlreadyCostsNoSync) {
  sessions_->restore("till-1", {4, 9});
  receive("p", encode(HelloFrame{"till-1", 4, 10, "test"}));
  EXPECT_THAT(output_.epochs_taken, IsEmpty());
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- WELCOME after 9"));
}

TEST_F(BrokerSessionTest, AnEpochBehindEventsOnTheirWayWaitsForItsOwnSync) {
  hello("first", "till-1", 1);
  publish("first", 1, {"a1"});
  hello("second", "till-1", 2);
  output_.take_sent();
  sessions_->durable("till-1", 1, 1);
  EXPECT_THAT(output_.take_sent(), IsEmpty()) << "the events are durable, the epoch is not";
  sessions_->durable("till-1", 2, 1);
  EXPECT_THAT(output_.take_sent(), ElementsAre("second <- WELCOME after 1"));
}

TEST_F(BrokerSessionTest, AConnectionThatGoesBeforeItsEpochIsDurableGetsNoWelcome) {
  receive("p", encode(HelloFrame{"till-1", 4, 1, "test"}));
  now_ += 30'000;
  sessions_->tick(now_);
  durable("till-1", 0);
  EXPECT_THAT(output_.take_sent(), IsEmpty());
  hello("q", "till-1", 4);
  EXPECT_THAT(output_.take_sent(), ElementsAre("q <- WELCOME after 0"));
}

TEST_F(BrokerSessionTest, ASecondProcessWithTheSameEpochIsATwin) {
  hello("p", "till-1", 1, 77);
  hello("q", "till-1", 1, 78);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- WELCOME after 0", HasSubstr("ERROR twin")));
  publish("p", 1, {"a1"});
  EXPECT_THAT(output_.take_appended(), testing::SizeIs(1)) << "the first one is not disturbed";
  publish("q", 1, {"b1"});
  EXPECT_THAT(output_.take_appended(), IsEmpty());
  EXPECT_EQ(sessions_->counters().twins, 1U);
}

TEST_F(BrokerSessionTest, ATwinIsRefusedWhileTheFirstOneHasOnlyLostItsConnection) {
  hello("p", "till-1", 1, 77);
  receive("p", "garbage");
  output_.take_sent();
  hello("q", "till-1", 1, 78);
  EXPECT_THAT(output_.take_sent(), ElementsAre(HasSubstr("ERROR twin")));
  hello("p2", "till-1", 1, 77);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p2 <- WELCOME after 0"));
}

TEST_F(BrokerSessionTest, ATwinTakesOverWhenTheFirstOneLeftOrWasSilentForLong) {
  hello("p", "till-1", 1, 77);
  receive("p", encode(ByeFrame{"stopping"}));
  output_.take_sent();
  hello("q", "till-1", 1, 78);
  EXPECT_THAT(output_.take_sent(), ElementsAre("q <- WELCOME after 0"));
  now_ += 30'000;
  sessions_->tick(now_);
  hello("p", "till-1", 1, 77);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- WELCOME after 0"));
}

TEST_F(BrokerSessionTest, AProcessWithoutAnInstanceIsTakenForTheSameOne) {
  hello("p", "till-1", 1);
  hello("q", "till-1", 1, 78);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- WELCOME after 0", "q <- WELCOME after 0"));
}

TEST_F(BrokerSessionTest, AnEqualEpochIsTheSameProcessOnANewConnection) {
  hello("first", "till-1", 1);
  publish("first", 1, {"a1"});
  output_.take_sent();
  hello("second", "till-1", 1);
  durable("till-1", 1);
  EXPECT_THAT(output_.take_sent(), ElementsAre("second <- WELCOME after 1")) << "nobody is fenced";
}

TEST_F(BrokerSessionTest, WelcomeWaitsForWhatIsOnItsWayToTheDisk) {
  hello("first", "till-1", 1);
  publish("first", 1, {"a1", "b2"});
  output_.take_sent();
  hello("second", "till-1", 2);
  EXPECT_THAT(output_.take_sent(), ElementsAre("first <- FENCED by 2"));
  durable("till-1", 2);
  EXPECT_THAT(output_.take_sent(), ElementsAre("second <- WELCOME after 2"))
      << "so that nothing is sent twice";
}

TEST_F(BrokerSessionTest, OneConnectionMayChangeItsProducer) {
  hello("p", "till-1", 1);
  hello("p", "till-2", 1);
  publish("p", 1, {"a1"});
  EXPECT_THAT(output_.take_appended(), ElementsAre("till-2/1 1-1 1:a1@a"));
  EXPECT_FALSE(sessions_->producers("", 10).at(0).connected);
}

TEST_F(BrokerSessionTest, ProducersDoNotTouchEachOther) {
  hello("p", "till-1", 1);
  hello("q", "till-2", 1);
  output_.take_sent();
  publish("p", 1, {"a1"});
  publish("q", 1, {"b1", "c2"});
  durable("till-2", 2);
  EXPECT_THAT(output_.take_sent(), ElementsAre("q <- ACK 2"));
}

TEST_F(BrokerSessionTest, ARefusedEventIsToldAndNothingPassesItUntilItIsWithdrawn) {
  hello("p", "till-1", 1);
  output_.take_sent();
  publish("p", 1, {"a1", "bad", "c3", "bad"});
  EXPECT_THAT(output_.take_appended(), ElementsAre("till-1/1 1-1 1:a1@a"));
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- REJECT 2 forbidden_topic 4 forbidden_topic"));
  publish("p", 5, {"e5"});
  EXPECT_THAT(output_.take_appended(), IsEmpty());
  EXPECT_THAT(output_.take_sent(), IsEmpty()) << "it was on its way: no gap";
  publish("p", 2, {"", "c3", "", "e5"});
  EXPECT_THAT(output_.take_appended(), ElementsAre("till-1/1 2-5 3:c3@c 5:e5@e"));
}

TEST_F(BrokerSessionTest, TheWithdrawalAfterARefusalIsDurableLikeAnEvent) {
  hello("p", "till-1", 1);
  publish("p", 1, {"bad"});
  publish("p", 1, {""});
  EXPECT_THAT(output_.take_appended(), ElementsAre("till-1/1 1-1"));
  output_.take_sent();
  durable("till-1", 1);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- ACK 1"));
}

TEST_F(BrokerSessionTest, MoreThanTheWindowIsRefused) {
  restart({.window_events = 3});
  hello("p", "till-1", 1);
  output_.take_sent();
  publish("p", 1, {"a1", "b2"});
  publish("p", 3, {"c3", "d4"});
  EXPECT_THAT(output_.take_sent(), ElementsAre(HasSubstr("ERROR window")));
  EXPECT_THAT(output_.take_appended(), testing::SizeIs(1));
}

TEST_F(BrokerSessionTest, MoreThanTheWindowOfBytesIsRefused) {
  restart({.window_bytes = 100});
  hello("p", "till-1", 1);
  publish("p", 1, {std::string(90, 'x')});
  output_.take_sent();
  publish("p", 2, {std::string(20, 'x')});
  EXPECT_THAT(output_.take_sent(), ElementsAre(HasSubstr("ERROR window")));
}

TEST_F(BrokerSessionTest, AnEventLargerThanTheWindowOfBytesIsTakenWhenItComesAlone) {
  restart({.window_bytes = 100});
  hello("p", "till-1", 1);
  publish("p", 1, {std::string(200, 'x')});
  EXPECT_THAT(output_.take_appended(), testing::SizeIs(1));
}

TEST_F(BrokerSessionTest, EventsThatAreHeldBackAreAsLostOnTheirWayAndKnownOnesAreNot) {
  hello("p", "till-1", 1);
  publish("p", 1, {"a1"});
  durable("till-1", 1);
  output_.take_sent();
  output_.take_appended();
  sessions_->hold_events(true);
  publish("p", 1, {"a1"});
  publish("p", 2, {"a2", "a3"});
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- ACK 1"));
  EXPECT_THAT(output_.take_appended(), IsEmpty());
  EXPECT_EQ(sessions_->counters().events_held, 2U);
  hello("p", "till-1", 1);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- WELCOME after 1"));
  sessions_->hold_events(false);
  publish("p", 2, {"a2", "a3"});
  EXPECT_THAT(output_.take_appended(), ElementsAre("till-1/1 2-3 2:a2@a 3:a3@a"));
}

TEST_F(BrokerSessionTest, WithoutHelloNothingIsTakenAndOneAnswerIsEnough) {
  publish("p", 1, {"a1"});
  publish("p", 2, {"a2"});
  EXPECT_THAT(output_.take_sent(), ElementsAre(HasSubstr("ERROR hello_first")));
  now_ += 1'000;
  receive("p", encode(PingFrame{}));
  EXPECT_THAT(output_.take_sent(), ElementsAre(HasSubstr("ERROR hello_first")))
      << "it may have been lost";
  EXPECT_THAT(output_.take_appended(), IsEmpty());
}

TEST_F(BrokerSessionTest, AHelloThatNamesNobodyIsRefused) {
  hello("p", "", 1);
  hello("p", "till 1", 1);
  hello("p", "till-1", 0);
  EXPECT_THAT(output_.take_sent(), testing::Each(HasSubstr("ERROR invalid")));
  EXPECT_THAT(sessions_->producers("", 10), IsEmpty());
}

TEST_F(BrokerSessionTest, ThereIsABoundOnProducers) {
  restart({.max_producers = 1});
  hello("p", "till-1", 1);
  hello("q", "till-2", 1);
  hello("r", "till-1", 2);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- WELCOME after 0", HasSubstr("ERROR busy"),
                                               "p <- FENCED by 2", "r <- WELCOME after 0"));
}

TEST_F(BrokerSessionTest, ThereIsABoundOnPeersAndSilenceMakesRoom) {
  restart({.max_peers = 1});
  hello("p", "till-1", 1);
  hello("q", "till-2", 1);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- WELCOME after 0"));
  now_ += 30'000;
  sessions_->tick(now_);
  hello("q", "till-2", 1);
  EXPECT_THAT(output_.take_sent(), ElementsAre("q <- WELCOME after 0"));
}

TEST_F(BrokerSessionTest, ASilentPeerIsForgottenAndPingKeepsItKnown) {
  hello("p", "till-1", 1);
  output_.take_sent();
  now_ += 29'000;
  receive("p", encode(PingFrame{}));
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- PONG"));
  now_ += 29'000;
  sessions_->tick(now_);
  EXPECT_TRUE(sessions_->producers("", 1).at(0).connected);
  now_ += 1'000;
  sessions_->tick(now_);
  EXPECT_FALSE(sessions_->producers("", 1).at(0).connected);
}

TEST_F(BrokerSessionTest, APeerThatCannotTakeMoreLosesItsSession) {
  hello("p", "till-1", 1);
  publish("p", 1, {"a1"});
  output_.unreachable = "p";
  durable("till-1", 1);
  EXPECT_FALSE(sessions_->producers("", 1).at(0).connected);
  EXPECT_EQ(sessions_->producers("", 1).at(0).last_seq, 1U) << "what is durable stays so";
}

TEST_F(BrokerSessionTest, GarbageIsAnsweredWithAnErrorAndEndsTheSession) {
  hello("p", "till-1", 1);
  output_.take_sent();
  sessions_->receive("p", "\xC1 garbage", now_);
  sessions_->receive("p", "", now_);
  EXPECT_THAT(output_.take_sent(),
              ElementsAre(HasSubstr("ERROR malformed"), HasSubstr("ERROR malformed")));
  EXPECT_FALSE(sessions_->producers("", 1).at(0).connected);
}

TEST_F(BrokerSessionTest, AnotherVersionIsToldWhichOneIsSpokenHere) {
  std::string later = encode(HelloFrame{"till-1", 1, 1, "later"});
  later[0] = '\x02';
  receive("p", later);
  EXPECT_THAT(
      output_.take_sent(),
      ElementsAre("p <- ERROR version: this broker speaks version 1 of the protocol, not 2"));
}

TEST_F(BrokerSessionTest, AFrameTypeOfALaterReleaseEndsNothing) {
  hello("p", "till-1", 1);
  output_.take_sent();
  receive("p", std::string("\x01\x91\x63", 3));
  EXPECT_THAT(output_.take_sent(), ElementsAre(HasSubstr("ERROR unsupported")));
  publish("p", 1, {"a1"});
  EXPECT_THAT(output_.take_appended(), testing::SizeIs(1));
}

TEST_F(BrokerSessionTest, FramesThatOnlyABrokerSendsAreMalformed) {
  hello("p", "till-1", 1);
  output_.take_sent();
  receive("p", encode(AckFrame{1}));
  EXPECT_THAT(output_.take_sent(), ElementsAre(HasSubstr("ERROR malformed")));
}

TEST_F(BrokerSessionTest, ByeIsAnsweredWhenEverythingIsAcknowledged) {
  hello("p", "till-1", 1);
  publish("p", 1, {"a1"});
  output_.take_sent();
  receive("p", encode(ByeFrame{"stopping"}));
  EXPECT_THAT(output_.take_sent(), IsEmpty());
  durable("till-1", 1);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- ACK 1", "p <- BYE"));
  EXPECT_FALSE(sessions_->producers("", 1).at(0).connected);
}

TEST_F(BrokerSessionTest, WhenItClosesItSaysByeTakesNoMoreAndStillAcknowledges) {
  hello("p", "till-1", 1);
  publish("p", 1, {"a1"});
  output_.take_sent();
  output_.take_appended();
  sessions_->close();
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- BYE"));
  publish("p", 2, {"a2"});
  EXPECT_THAT(output_.take_appended(), IsEmpty());
  durable("till-1", 1);
  EXPECT_THAT(output_.take_sent(), ElementsAre("p <- ACK 1"));
  hello("q", "till-2", 1);
  EXPECT_THAT(output_.take_sent(), ElementsAre("q <- BYE"));
  EXPECT_TRUE(sessions_->drained());
}

TEST_F(BrokerSessionTest, ListsProducersInOrderPageByPage) {
  sessions_->restore("b", {2, 20});
  sessions_->restore("a", {1, 10});
  sessions_->restore("c", {3, 30});
  const auto first = sessions_->producers("", 2);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].producer, "a");
  EXPECT_EQ(first[1].producer, "b");
  EXPECT_EQ(first[1].epoch, 2U);
  EXPECT_EQ(first[1].last_seq, 20U);
  const auto rest = sessions_->producers("b", 2);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].producer, "c");
}

}  // namespace
}  // namespace outboxd::transport
