// What a group reads ahead, parks and finds again.
#include <malloc.h>

#include "tests/support/sanitizers.h"
#include "tests/unit/broker/groups/group_fixture.h"

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// What the allocator has handed out.
std::size_t bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

class ConsumerGroupReadingTest : public GroupFixture {};

TEST_F(ConsumerGroupReadingTest, G7WhatReadsBehindABlockedKeyIsParkedOnDiskAndComesInOrder) {
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

TEST_F(ConsumerGroupReadingTest, AnEventIsGoneWhenTheTopicDoesNotHaveItAnyMore) {
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

TEST_F(ConsumerGroupReadingTest, G10WhenTheDiskCannotBeReadTheGroupFreezes) {
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

TEST_F(ConsumerGroupReadingTest, AnEventsOwnTimeToLiveWins) {
  GroupOptions options = patient();
  options.policy.max_retries = 100;
  start(options);
  subscribe(kAlice, 2);
  publish("a", "shop", 2'000);
  publish("b");
  for (int i = 0; i < 10; ++i) {
    for (const Handout& handout : pump()) (void)retry(handout);
    (void)commit();
    pass(1'000);
  }
  ASSERT_THAT(disk_.letters, SizeIs(1));
  EXPECT_EQ(disk_.letters[1].seq, 1U);
}

TEST_F(ConsumerGroupReadingTest, G7WhatWasParkedBehindADeliveryStaysBehindItOverARestart) {
  GroupOptions options = patient();
  options.limits.cached_events = 4;
  start(options);
  subscribe(kAlice, 3);
  for (int i = 0; i < 6; ++i) publish("slow");
  publish("quick");
  auto out = pump();
  EXPECT_THAT(texts(out), ElementsAre("1", "7")) << "the cache makes room for other keys";
  (void)commit();
  EXPECT_FALSE(disk_.table.empty());
  EXPECT_EQ(disk_.state.cursor, 1U);
  restart();
  subscribe(kAlice, 10);
  std::vector<domain::Seq> order;
  for (out = pump(); !out.empty(); out = pump()) {
    for (const Handout& handout : out) {
      if (handout.seq != 7) order.push_back(handout.seq);
      (void)ack(handout);
    }
  }
  EXPECT_THAT(order, ElementsAre(1, 2, 3, 4, 5, 6));
  (void)commit();
  EXPECT_EQ(disk_.state.cursor, 8U);
  EXPECT_THAT(disk_.table, IsEmpty());
}

TEST_F(ConsumerGroupReadingTest, AConsumerThatTakesForEverDoesNotHoldTheCursorForEver) {
  GroupOptions options = patient();
  options.limits.window = 16;
  start(options);
  subscribe(kAlice, 4);
  publish("stuck");
  const auto stuck = pump();
  for (int i = 0; i < 100; ++i) {
    publish("key-" + std::to_string(i));
    for (const Handout& handout : pump()) (void)ack(handout);
    (void)commit();
  }
  EXPECT_GT(disk_.state.cursor, 80U);
  EXPECT_LE(disk_.done.size(), 16U);
  EXPECT_EQ(ack(stuck[0]), SettleResult::kSettled);
  (void)commit();
  EXPECT_THAT(disk_.table, IsEmpty());
}

TEST_F(ConsumerGroupReadingTest, ReadsNoFurtherThanItMayDefer) {
  GroupOptions options = patient();
  options.limits.deferred = 50;
  start(options);
  subscribe(kAlice, 10);
  publish("a");
  (void)retry(pump()[0]);
  (void)commit();
  for (int i = 0; i < 2'000; ++i) publish("a");
  for (int turn = 0; turn < 100; ++turn) {
    (void)pump();
    (void)commit();
  }
  EXPECT_LE(disk_.table.size(), 50U + options.limits.read_events);
  pass(60'000);
  domain::Seq last = 0;
  for (auto out = pump(); !out.empty(); out = pump()) {
    ASSERT_EQ(out[0].seq, last + 1);
    last = out[0].seq;
    (void)ack(out[0]);
    (void)commit();
  }
  EXPECT_EQ(last, 2'001U) << "and goes on when there is room";
}

TEST_F(ConsumerGroupReadingTest, OneTurnHandsOutNoMoreThanItsBudget) {
  start();
  subscribe(kAlice, 1'000);
  for (int i = 0; i < 100; ++i) publish("key-" + std::to_string(i));
  std::vector<Handout> out;
  HandoutBudget budget{10, 1 << 20};
  EXPECT_TRUE(group_->pump(now_ms_, budget, out));
  EXPECT_THAT(out, SizeIs(10));
  HandoutBudget rest{1'000, 1 << 20};
  EXPECT_FALSE(group_->pump(now_ms_, rest, out));
  EXPECT_THAT(out, SizeIs(100));
}

TEST_F(ConsumerGroupReadingTest, AnEventThatIsNoEnvelopeIsDeliveredForItsConsumerToJudge) {
  start();
  subscribe(kAlice, 1);
  disk_.events[1] = {"shop", 1, "not an envelope", ""};
  group_->wake();
  EXPECT_THAT(delivered(), ElementsAre("1"));
}

TEST_F(ConsumerGroupReadingTest, AHundredThousandRetryingEventsTakeNoMoreThanFifteenMegabytes) {
  if (support::kMemoryIsSanitized) GTEST_SKIP() << "freed memory counts in this build";
  GroupOptions options = patient();
  options.policy.backoff_base_ms = options.policy.backoff_max_ms = 3'600'000;
  start(options);
  GroupState state{.id = disk_.state.id, .cursor = 100'001};
  for (Offset offset = 1; offset <= 100'000; ++offset) {
    state.deferred.push_back({.offset = offset,
                              .key_hash = key_hash("shop", std::to_string(offset)),
                              .attempts = 1,
                              .not_before_ms = now_ms_ + 3'600'000 + static_cast<int>(offset),
                              .producer = "shop",
                              .seq = offset});
  }
  const std::size_t before = bytes_in_use();
  group_->restore(std::move(state), now_ms_);
  const std::size_t held = bytes_in_use() + 100'000 * sizeof(DeferredEvent) - before;
  EXPECT_EQ(group_->snapshot().retrying, 100'000U);
  EXPECT_LE(held, 15U << 20);
  EXPECT_GT(held, 5U << 20) << "or this measures nothing";
}

}  // namespace
}  // namespace outboxd::broker
