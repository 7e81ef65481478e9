#include "broker/groups/consumer_group.h"

#include "tests/unit/broker/groups/group_fixture.h"

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::vector<std::pair<domain::Seq, domain::Seq>> pairs(const SeqRanges& ranges) {
  std::vector<std::pair<domain::Seq, domain::Seq>> result;
  for (const auto& [first, last] : ranges.ranges()) result.emplace_back(first, last);
  return result;
}

class ConsumerGroupTest : public GroupFixture {
 protected:
  void subscribe(ConsumerIndex consumer, std::size_t credit) {
    group_->subscribe(consumer, credit, now_ms_);
  }
};

TEST_F(ConsumerGroupTest, DeliversInTheOrderOfTheTopicWithinTheCredit) {
  start();
  for (const char* key : {"a", "b", "c"}) publish(key);
  EXPECT_THAT(delivered(), IsEmpty()) << "nobody consumes yet";
  subscribe(kAlice, 2);
  const auto first = pump();
  EXPECT_THAT(texts(first), ElementsAre("1", "2"));
  EXPECT_EQ(first[0].producer, names_->index_of("shop"));
  EXPECT_EQ(first[0].envelope, disk_.events[1].envelope);
  EXPECT_THAT(delivered(), IsEmpty());
  EXPECT_EQ(ack(first[1]), SettleResult::kSettled);
  EXPECT_THAT(delivered(), ElementsAre("3"));
}

TEST_F(ConsumerGroupTest, G7OneEventOfAKeyIsInFlightAtATime) {
  start();
  subscribe(kAlice, 10);
  subscribe(kBob, 10);
  publish("a");
  publish("a");
  publish("b");
  publish("a", "other");  // the same key of another producer is another key
  auto out = pump();
  ASSERT_EQ(out.size(), 3U);
  EXPECT_THAT(texts(out), ElementsAre("1", "3", "1"));
  (void)ack(out[0]);
  EXPECT_THAT(delivered(), ElementsAre("2"));
}

TEST_F(ConsumerGroupTest, CompetingConsumersShareTheEvents) {
  start();
  subscribe(kAlice, 100);
  subscribe(kBob, 100);
  for (int i = 0; i < 100; ++i) publish("key-" + std::to_string(i));
  std::map<ConsumerIndex, int> counts;
  for (const Handout& handout : pump()) ++counts[handout.consumer];
  EXPECT_THAT(counts, UnorderedElementsAre(Pair(kAlice, 50), Pair(kBob, 50)));
}

TEST_F(ConsumerGroupTest, G7ARetryingEventHoldsBackItsKeyAndNothingElse) {
  start();
  subscribe(kAlice, 10);
  publish("a");
  publish("a");
  auto out = pump();
  (void)retry(out[0]);
  publish("b");
  publish("a");
  EXPECT_THAT(delivered(), ElementsAre("3"));
  (void)commit();
  pass(799);
  EXPECT_THAT(delivered(), IsEmpty());
  EXPECT_EQ(group_->next_deadline_ms(), now_ms_ + 1);
  pass(1);
  out = pump();
  EXPECT_THAT(texts(out), ElementsAre("1#2"));
  (void)ack(out[0]);
  out = pump();
  EXPECT_THAT(texts(out), ElementsAre("2"));
  (void)ack(out[0]);
  EXPECT_THAT(delivered(), ElementsAre("4"));
}

TEST_F(ConsumerGroupTest, ARetryIsNotDeliveredBeforeItsAttemptIsOnTheDisk) {
  start();
  subscribe(kAlice, 10);
  publish("a");
  (void)retry(pump()[0]);
  const auto change = group_->take_change(now_ms_);
  ASSERT_TRUE(change);
  pass(10'000);
  EXPECT_THAT(delivered(), IsEmpty()) << "a crash now would give an attempt for nothing";
  disk_.apply(*change);
  (void)group_->durable(now_ms_);
  EXPECT_THAT(delivered(), ElementsAre("1#2"));
}

TEST_F(ConsumerGroupTest, BackOffGrowsWithEachAttempt) {
  start();
  subscribe(kAlice, 1);
  publish("a");
  for (const std::int64_t wait_ms : {800, 1'600, 3'200}) {
    (void)retry(pump()[0]);
    (void)commit();
    pass(wait_ms - 1);
    EXPECT_THAT(delivered(), IsEmpty()) << wait_ms;
    pass(1);
    EXPECT_EQ(group_->next_deadline_ms(), now_ms_);
  }
}

TEST_F(ConsumerGroupTest, AfterItsLastRetryAnEventIsALetterWithReasonAndHistory) {
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

TEST_F(ConsumerGroupTest, TheHistoryKeepsTheLastEightFailures) {
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

TEST_F(ConsumerGroupTest, ARefusalIsALetterAtOnceAndSettledWhenItIsDurable) {
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

TEST_F(ConsumerGroupTest, AnAckIsToldWhenItIsDurableAndNotBefore) {
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

TEST_F(ConsumerGroupTest, TagsThatAreUnknownForeignOrUsedUpSettleNothing) {
  start();
  subscribe(kAlice, 10);
  subscribe(kBob, 10);
  publish("a");
  const auto out = pump();
  const ConsumerIndex other = out[0].consumer == kAlice ? kBob : kAlice;
  EXPECT_EQ(group_->settle(other, {out[0].tag, transport::Outcome::kAck, ""}, now_ms_),
            SettleResult::kForeign);
  EXPECT_EQ(group_->settle(other, {12345, transport::Outcome::kAck, ""}, now_ms_),
            SettleResult::kUnknown);
  EXPECT_EQ(ack(out[0]), SettleResult::kSettled);
  EXPECT_EQ(ack(out[0]), SettleResult::kUnknown);
  EXPECT_EQ(refuse(out[0]), SettleResult::kUnknown);
  (void)commit();
  EXPECT_EQ(disk_.state.cursor, 2U);
  EXPECT_THAT(disk_.letters, IsEmpty());
}

TEST_F(ConsumerGroupTest, TagsOfAnEarlierStartSettleNothing) {
  start();
  subscribe(kAlice, 1);
  publish("a");
  const auto before = pump();
  restart();
  subscribe(kAlice, 1);
  const auto after = pump();
  EXPECT_EQ(ack(before[0]), SettleResult::kUnknown);
  EXPECT_EQ(ack(after[0]), SettleResult::kSettled);
}

TEST_F(ConsumerGroupTest, G11DeliveriesOfOneThatLeftOrWasLostDoNotCount) {
  start();
  for (const bool lost : {false, true}) {
    subscribe(kAlice, 10);
    if (!lost) publish("a");
    const auto out = pump();
    EXPECT_THAT(texts(out), ElementsAre("1"));
    lost ? group_->lose(kAlice, now_ms_) : group_->leave(kAlice, now_ms_);
    EXPECT_EQ(ack(out[0]), SettleResult::kUnknown);
  }
  group_->leave(kAlice, now_ms_);  // it came back as the one that it was …
  subscribe(kAlice, 10);
  group_->died(kBob, now_ms_);  // … and another one's death is not its own
  EXPECT_THAT(delivered(), ElementsAre("1"));
}

TEST_F(ConsumerGroupTest, G11ADeathCountsForEachDeliveryThatDiedWithIt) {
  start();
  subscribe(kAlice, 10);
  publish("a");
  publish("b");
  publish("c");
  (void)ack(pump()[1]);
  group_->died(kAlice, now_ms_);
  subscribe(kBob, 10);
  EXPECT_THAT(delivered(), IsEmpty()) << "it backs off";
  (void)commit();
  EXPECT_EQ(disk_.table[1].reason, kConsumerDied);
  EXPECT_EQ(disk_.table[3].attempts, 1U);
  pass(800);
  EXPECT_THAT(delivered(), ElementsAre("1#2"));
}

TEST_F(ConsumerGroupTest, G11OneThatWasLostAndTurnsOutDeadCountsOnce) {
  start();
  subscribe(kAlice, 10);
  publish("a");
  publish("b");
  publish("c");
  publish("d");
  (void)pump();
  group_->lose(kAlice, now_ms_);
  subscribe(kBob, 3);
  const auto out = pump();
  EXPECT_THAT(texts(out), ElementsAre("1", "2", "3")) << "lost is not counted";
  (void)ack(out[0]);
  (void)retry(out[1]);
  (void)commit();
  subscribe(kBob, 2);
  group_->died(kAlice, now_ms_);
  group_->died(kAlice, now_ms_);
  (void)commit();
  EXPECT_EQ(disk_.table.count(1), 0U) << "settled since";
  EXPECT_EQ(disk_.table[2].attempts, 2U) << "bob's and alice's";
  EXPECT_THAT(disk_.table[2].history, SizeIs(2));
  EXPECT_EQ(disk_.table[4].attempts, 1U);
  (void)retry(out[2]);
  (void)commit();
  EXPECT_EQ(disk_.table[3].attempts, 2U) << "alice's while bob had it, and bob's";
}

TEST_F(ConsumerGroupTest, APoisonEventDiesAloneHoweverManyDieWithItAtFirst) {
  start();
  for (int i = 0; i < 50; ++i) publish("key-" + std::to_string(i));
  const domain::Seq poison = 20;
  int deaths = 0;
  std::set<domain::Seq> acked;
  subscribe(kAlice, 100);
  for (int round = 0; round < 1'000 && acked.size() < 49; ++round) {
    const auto out = pump();
    const bool dies = std::any_of(out.begin(), out.end(),
                                  [&](const Handout& handout) { return handout.seq == poison; });
    if (dies) {
      ++deaths;
      group_->died(kAlice, now_ms_);
      subscribe(kAlice, 100);
    } else {
      for (const Handout& handout : out) {
        EXPECT_EQ(ack(handout), SettleResult::kSettled);
        acked.insert(handout.seq);
      }
    }
    (void)commit();
    pass(100);
  }
  EXPECT_THAT(acked, SizeIs(49));
  while (disk_.letters.empty() && ++deaths < 10) {
    pass(60'000);
    (void)pump();
    group_->died(kAlice, now_ms_);
    subscribe(kAlice, 100);
    (void)commit();
  }
  ASSERT_THAT(disk_.letters, SizeIs(1));
  EXPECT_EQ(disk_.letters[1].seq, poison);
  EXPECT_EQ(disk_.letters[1].attempts, 4U);
}

TEST_F(ConsumerGroupTest, G7WhatReadsBehindABlockedKeyIsParkedOnDiskAndComesInOrder) {
  start();
  subscribe(kAlice, 10);
  publish("a");
  publish("a");
  (void)retry(pump()[0]);
  publish("a");
  publish("b");
  auto out = pump();
  EXPECT_THAT(texts(out), ElementsAre("4"));
  (void)ack(out[0]);
  (void)commit();
  EXPECT_EQ(disk_.state.cursor, 5U) << "the cursor passes what the table keeps";
  EXPECT_THAT(disk_.table, SizeIs(3));
  EXPECT_EQ(disk_.table[2].attempts, 0U);
  const GroupSnapshot snapshot = group_->snapshot();
  EXPECT_EQ(snapshot.retrying, 1U);
  EXPECT_EQ(snapshot.parked, 2U);
  pass(60'000);
  for (const char* expected : {"1#2", "2", "3"}) {
    out = pump();
    ASSERT_THAT(texts(out), ElementsAre(expected));
    (void)ack(out[0]);
  }
  (void)commit();
  EXPECT_THAT(disk_.table, IsEmpty());
  EXPECT_THAT(disk_.done, IsEmpty());
}

TEST_F(ConsumerGroupTest, AnEventIsGoneWhenTheTopicDoesNotHaveItAnyMore) {
  start();
  subscribe(kAlice, 10);
  publish("a");
  publish("b");
  (void)pump();
  group_->lose(kAlice, now_ms_);
  disk_.events.erase(1);
  subscribe(kBob, 10);
  EXPECT_THAT(delivered(), ElementsAre("2"));
  (void)commit();
  EXPECT_EQ(disk_.state.cursor, 2U);
}

TEST_F(ConsumerGroupTest, CompletedRangesCoverWhatLiesBetweenTheEventsOfTheTopic) {
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

TEST_F(ConsumerGroupTest, CompletedIsEverythingButWhatIsOpenAfterARestartToo) {
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

TEST_F(ConsumerGroupTest, DeadLettersAreNotBuriedAgain) {
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

TEST_F(ConsumerGroupTest, AReplayedLetterIsAnEventThatNeverFailed) {
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

TEST_F(ConsumerGroupTest, ADiscardedLetterIsGone) {
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

TEST_F(ConsumerGroupTest, G10WhenTheDiskCannotBeReadTheGroupFreezes) {
  start();
  subscribe(kAlice, 1);
  publish("a");
  (void)retry(pump()[0]);
  (void)commit();
  disk_.failure = domain::Error{domain::ErrorCode::kInternal, "unreadable", ""};
  pass(60'000);
  EXPECT_THAT(delivered(), IsEmpty());
  ASSERT_TRUE(group_->failure());
  EXPECT_EQ(group_->failure()->message, "unreadable");
  EXPECT_EQ(group_->take_change(now_ms_), std::nullopt);
}

}  // namespace
}  // namespace outboxd::broker
