// Handing out and settling.
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

class ConsumerGroupTest : public GroupFixture {};

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

TEST_F(ConsumerGroupTest, G11AReleasedDeliveryComesAgainAtOnceInItsOrderAndUncounted) {
  start();
  subscribe(kAlice, 10);
  publish("a");
  publish("b");
  publish("a");
  const auto out = pump();
  EXPECT_THAT(texts(out), ElementsAre("1", "2"));
  EXPECT_EQ(settle(out[0], transport::Outcome::kRelease), SettleResult::kSettled);
  EXPECT_EQ(settle(out[0], transport::Outcome::kRelease), SettleResult::kUnknown);
  EXPECT_THAT(commit().settled, IsEmpty()) << "nothing became of it";
  const auto again = pump();
  EXPECT_THAT(texts(again), ElementsAre("1")) << "not a second attempt, and before 3 (G7)";
  EXPECT_NE(again[0].tag, out[0].tag);
  EXPECT_EQ(ack(again[0]), SettleResult::kSettled);
  EXPECT_THAT(delivered(), ElementsAre("3"));
}

TEST_F(ConsumerGroupTest, G11AReleaseForgetsNoEarlierAttempt) {
  start();
  subscribe(kAlice, 10);
  publish("a");
  EXPECT_EQ(retry(pump()[0]), SettleResult::kSettled);
  (void)commit();
  pass(1'000);
  const auto second = pump();
  EXPECT_THAT(texts(second), ElementsAre("1#2"));
  EXPECT_EQ(settle(second[0], transport::Outcome::kRelease), SettleResult::kSettled);
  EXPECT_THAT(delivered(), ElementsAre("1#2"));
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

TEST_F(ConsumerGroupTest, TimeToLiveRunsFromTheFirstDeliveryAndEndsARetryingEvent) {
  GroupOptions options;
  options.policy.max_retries = 100;
  options.policy.message_ttl_ms = 10'000;
  start(options);
  publish("a");
  pass(1'000'000);  // waiting for a consumer takes nothing from it
  subscribe(kAlice, 1);
  const std::int64_t first_ms = now_ms_;
  while (disk_.letters.empty()) {
    for (const Handout& handout : pump()) (void)retry(handout);
    (void)commit();
    ASSERT_LE(now_ms_, first_ms + 10'000);
    if (disk_.letters.empty()) now_ms_ = group_->next_deadline_ms().value();
  }
  EXPECT_EQ(now_ms_, first_ms + 10'000) << "it dies on time, in the middle of a back-off";
  EXPECT_THAT(disk_.letters[1].reason, HasSubstr("expired"));
  EXPECT_EQ(disk_.letters[1].attempts, 4U);
  EXPECT_THAT(disk_.letters[1].history, SizeIs(4));
}

TEST_F(ConsumerGroupTest, TimeWithoutAConsumerDoesNotCountAgainstTheTimeToLive) {
  GroupOptions options;
  options.policy.message_ttl_ms = 10'000;
  start(options);
  subscribe(kAlice, 2);
  publish("a");
  publish("b");
  const auto out = pump();
  (void)retry(out[0]);
  (void)commit();
  pass(100);
  group_->lose(kAlice, now_ms_);
  pass(3'600'000);
  EXPECT_THAT(delivered(), IsEmpty());
  (void)commit();
  subscribe(kAlice, 2);
  EXPECT_THAT(texts(pump()), ::testing::UnorderedElementsAre("1#2", "2"));
  EXPECT_THAT(disk_.letters, IsEmpty());
}

TEST_F(ConsumerGroupTest, ADeliveryThatTakesLongIsNotCutShort) {
  GroupOptions options;
  options.policy.message_ttl_ms = 1'000;
  start(options);
  subscribe(kAlice, 1);
  publish("a");
  const auto out = pump();
  pass(1'000'000);
  (void)pump();
  EXPECT_EQ(ack(out[0]), SettleResult::kSettled);
  (void)commit();
  EXPECT_THAT(disk_.letters, IsEmpty());
}

}  // namespace
}  // namespace outboxd::broker
