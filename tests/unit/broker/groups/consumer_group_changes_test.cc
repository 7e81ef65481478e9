// What a group makes durable, and how it goes on from there.
#include "tests/unit/broker/groups/group_fixture.h"

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

std::vector<std::pair<domain::Seq, domain::Seq>> pairs(const SeqRanges& ranges) {
  std::vector<std::pair<domain::Seq, domain::Seq>> result;
  for (const auto& [first, last] : ranges.ranges()) result.emplace_back(first, last);
  return result;
}

class ConsumerGroupChangesTest : public GroupFixture {};

TEST_F(ConsumerGroupChangesTest, AfterItsLastRetryAnEventIsALetterWithReasonAndHistory) {
  start();
  subscribe(kAlice, 1);
  publish("a");
  publish("a");
  for (int attempt = 1; attempt <= 4; ++attempt) {
    const auto out = pump();
    ASSERT_THAT(out, SizeIs(1)) << attempt;
    EXPECT_EQ(out[0].attempt, static_cast<std::uint32_t>(attempt));
    (void)retry(out[0], "failure " + std::to_string(attempt));
    if (attempt == 4) break;
    (void)commit();
    pass(60'000);
  }
  EXPECT_THAT(delivered(), IsEmpty()) << "the key waits until the letter is durable";
  const Receipts receipts = commit();
  EXPECT_EQ(receipts.buried, 1U);
  EXPECT_THAT(delivered(), ElementsAre("2"));
  ASSERT_THAT(disk_.letters, SizeIs(1));
  const DeadLetter& letter = disk_.letters[1];
  EXPECT_EQ(letter.producer, "shop");
  EXPECT_EQ(letter.seq, 1U);
  EXPECT_EQ(letter.source_offset, 1U);
  EXPECT_EQ(letter.envelope, disk_.events[1].envelope);
  EXPECT_EQ(letter.reason, "gave up after 4 attempts: failure 4");
  EXPECT_EQ(letter.attempts, 4U);
  ASSERT_THAT(letter.history, SizeIs(4));
  EXPECT_EQ(letter.history[0], (Failure{1'000, "failure 1"}));
  EXPECT_EQ(letter.history[3].reason, "failure 4");
  EXPECT_FALSE(disk_.table.contains(1));
}

TEST_F(ConsumerGroupChangesTest, TheHistoryKeepsTheLastEightFailures) {
  GroupOptions options = patient();
  options.policy.max_retries = 20;
  start(options);
  subscribe(kAlice, 1);
  publish("a");
  for (int attempt = 1; attempt <= 10; ++attempt) {
    (void)retry(pump()[0], std::to_string(attempt));
    (void)commit();
    pass(60'000);
  }
  ASSERT_THAT(disk_.table[1].history, SizeIs(8));
  EXPECT_EQ(disk_.table[1].history.front().reason, "3");
  EXPECT_EQ(disk_.table[1].reason, "10");
}

TEST_F(ConsumerGroupChangesTest, ARefusalIsALetterAtOnceAndSettledWhenItIsDurable) {
  start();
  subscribe(kAlice, 1);
  publish("a");
  const auto out = pump();
  (void)refuse(out[0], "no order");
  const auto change = group_->take_change(now_ms_);
  ASSERT_TRUE(change);
  ASSERT_THAT(change->bury, SizeIs(1));
  EXPECT_EQ(change->bury[0].reason, "no order");
  EXPECT_EQ(change->bury[0].history, (std::vector<Failure>{{now_ms_, "no order"}}));
  EXPECT_EQ(change->cursor, 2U);
  const Receipts receipts = group_->durable(now_ms_);
  EXPECT_THAT(receipts.settled, ElementsAre(Pair(kAlice, out[0].tag)));
}

TEST_F(ConsumerGroupChangesTest, AnAckIsToldWhenItIsDurableAndNotBefore) {
  start();
  subscribe(kAlice, 10);
  publish("a");
  publish("b");
  const auto out = pump();
  (void)ack(out[0]);
  ASSERT_TRUE(group_->take_change(now_ms_));
  (void)ack(out[1]);
  EXPECT_EQ(group_->take_change(now_ms_), std::nullopt) << "one change at a time";
  EXPECT_THAT(group_->durable(now_ms_).settled, ElementsAre(Pair(kAlice, out[0].tag)));
  EXPECT_THAT(commit().settled, ElementsAre(Pair(kAlice, out[1].tag)));
}

TEST_F(ConsumerGroupChangesTest, CompletedRangesCoverWhatLiesBetweenTheEventsOfTheTopic) {
  start();
  subscribe(kAlice, 10);
  seqs_["shop"] = 4;  // 1 to 4 went to other topics
  publish("a");
  seqs_["shop"] = 9;
  publish("b");
  publish("c");
  const auto out = pump();
  const ProducerIndex shop = names_->index_of("shop");
  (void)ack(out[0]);
  (void)ack(out[1]);
  const auto receipts = commit();
  EXPECT_THAT(pairs(receipts.completed.at(shop)), ElementsAre(Pair(1, 10)));
  EXPECT_THAT(pairs(group_->completed(shop)), ElementsAre(Pair(1, 10)));
  (void)ack(out[2]);
  EXPECT_THAT(pairs(group_->completed(shop)), ElementsAre(Pair(1, 10))) << "not durable";
  (void)commit();
  EXPECT_THAT(pairs(group_->completed(shop)), ElementsAre(Pair(1, 11)));
  restart();
  EXPECT_THAT(pairs(group_->completed(names_->index_of("shop"))), ElementsAre(Pair(1, 11)));
  EXPECT_THAT(pairs(group_->completed(77)), IsEmpty());
}

TEST_F(ConsumerGroupChangesTest, CompletedIsEverythingButWhatIsOpenAfterARestartToo) {
  start();
  subscribe(kAlice, 10);
  for (const char* key : {"a", "b", "c", "d"}) publish(key);
  const auto out = pump();
  (void)retry(out[0]);
  (void)ack(out[2]);
  (void)commit();
  const ProducerIndex shop = names_->index_of("shop");
  EXPECT_THAT(pairs(group_->completed(shop)), ElementsAre(Pair(3, 3)));
  restart();
  EXPECT_THAT(pairs(group_->completed(names_->index_of("shop"))), IsEmpty()) << "1 is deferred";
  subscribe(kAlice, 10);
  (void)ack(pump()[0]);  // 2; what lies behind it was read again
  const Receipts receipts = commit();
  EXPECT_THAT(pairs(receipts.completed.at(names_->index_of("shop"))), ElementsAre(Pair(2, 3)));
}

TEST_F(ConsumerGroupChangesTest, DeadLettersAreNotBuriedAgain) {
  GroupOptions options = patient();
  options.policy.message_ttl_ms = 1;
  options.policy.max_retries = 0;
  start(options, "dead:orders:payments");
  subscribe(kAlice, 1);
  publish("a");
  disk_.events[1].reason = "why it died";
  for (std::uint32_t attempt = 1; attempt <= 10; ++attempt) {
    const auto out = pump();
    ASSERT_THAT(out, SizeIs(1));
    EXPECT_EQ(out[0].attempt, attempt);
    EXPECT_EQ(out[0].reason, "why it died");
    (void)retry(out[0]);
    (void)commit();
    pass(60'000);
  }
  (void)refuse(pump()[0]);
  (void)commit();
  EXPECT_THAT(disk_.letters, IsEmpty());
  EXPECT_THAT(disk_.table, IsEmpty());
  EXPECT_EQ(disk_.state.cursor, 2U);
}

TEST_F(ConsumerGroupChangesTest, AReplayedLetterIsAnEventThatNeverFailed) {
  start();
  subscribe(kAlice, 1);
  publish("a");
  (void)refuse(pump()[0]);
  (void)commit();
  disk_.events.clear();  // its topic forgot it long ago
  ASSERT_TRUE(group_->replay(1, disk_.letters[1]));
  EXPECT_FALSE(group_->replay(1, disk_.letters[1])) << "it is under way";
  EXPECT_THAT(delivered(), IsEmpty()) << "it is not durable";
  (void)commit();
  EXPECT_THAT(disk_.letters, IsEmpty());
  restart();
  subscribe(kAlice, 1);
  auto out = pump();
  ASSERT_THAT(texts(out), ElementsAre("1"));
  EXPECT_FALSE(out[0].envelope.empty());
  (void)retry(out[0]);
  (void)commit();
  pass(1'000);
  out = pump();
  ASSERT_THAT(texts(out), ElementsAre("1#2")) << "a retry keeps its copy";
  (void)ack(out[0]);
  (void)commit();
  EXPECT_THAT(disk_.table, IsEmpty());
}

TEST_F(ConsumerGroupChangesTest, ADiscardedLetterIsGone) {
  start();
  subscribe(kAlice, 1);
  publish("a");
  (void)refuse(pump()[0]);
  (void)commit();
  EXPECT_TRUE(group_->discard(1));
  (void)commit();
  EXPECT_THAT(disk_.letters, IsEmpty());
  EXPECT_THAT(delivered(), IsEmpty());
}

TEST_F(ConsumerGroupChangesTest, ARestartKeepsAttemptsBackOffOrderAndTimeToLive) {
  GroupOptions options;
  options.policy.message_ttl_ms = 5'000;
  start(options);
  subscribe(kAlice, 10);
  publish("a");
  publish("a");
  publish("b");
  auto out = pump();
  (void)retry(out[0], "first");
  (void)ack(out[1]);
  (void)commit();
  restart();
  subscribe(kAlice, 10);
  EXPECT_THAT(delivered(), IsEmpty());
  pass(800);
  out = pump();
  ASSERT_THAT(texts(out), ElementsAre("1#2"));
  (void)retry(out[0], "second");
  (void)commit();
  EXPECT_THAT(disk_.table[1].history, SizeIs(2)) << "the failures before the restart are kept";
  restart();
  subscribe(kAlice, 10);
  pass(1'600);
  (void)retry(pump()[0], "third");
  (void)commit();
  pass(3'000);  // more than 5 s after the first delivery
  EXPECT_THAT(delivered(), IsEmpty());
  (void)commit();
  ASSERT_THAT(disk_.letters, SizeIs(1));
  EXPECT_THAT(disk_.letters[1].history, SizeIs(3));
  EXPECT_THAT(delivered(), ElementsAre("2"));
}

TEST_F(ConsumerGroupChangesTest, WhatWasResolvedOutOfOrderIsNotDeliveredAgainAfterARestart) {
  start();
  subscribe(kAlice, 10);
  for (const char* key : {"a", "b", "c", "d"}) publish(key);
  auto out = pump();
  (void)ack(out[1]);
  (void)ack(out[3]);
  (void)commit();
  EXPECT_EQ(disk_.state.cursor, 1U);
  EXPECT_THAT(disk_.done, ElementsAre(2, 4));
  restart();
  subscribe(kAlice, 10);
  out = pump();
  EXPECT_THAT(texts(out), ElementsAre("1", "3"));
  for (const Handout& handout : out) (void)ack(handout);
  (void)commit();
  EXPECT_EQ(disk_.state.cursor, 5U);
  EXPECT_THAT(disk_.done, IsEmpty());
}

TEST_F(ConsumerGroupChangesTest, AnAckOfManyInOrderMovesOnlyTheCursor) {
  start();
  subscribe(kAlice, 1'000);
  for (int i = 0; i < 1'000; ++i) publish("key-" + std::to_string(i));
  for (const Handout& handout : pump()) (void)ack(handout);
  const auto change = group_->take_change(now_ms_);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->cursor, 1'001U);
  EXPECT_THAT(change->done, IsEmpty());
  EXPECT_THAT(change->undefer, IsEmpty());
  EXPECT_THAT(change->passed, ElementsAre(Pair("shop", 1'000)));
}

TEST_F(ConsumerGroupChangesTest, AnOutageOfTheConsumerDoesNotLetAnEventExpireOverARestartEither) {
  GroupOptions options;
  options.policy.message_ttl_ms = 10'000;
  start(options);
  subscribe(kAlice, 1);
  publish("a");
  (void)retry(pump()[0]);
  (void)commit();
  group_->lose(kAlice, now_ms_);
  pass(3'600'000);
  restart();
  pass(3'600'000);
  subscribe(kAlice, 1);
  EXPECT_THAT(delivered(), ElementsAre("1#2"));
}

}  // namespace
}  // namespace outboxd::broker
