#include "daemon/outbox_progress.h"

#include <gtest/gtest.h>

namespace outboxd::daemon {
namespace {

OutboxWait wait_for(domain::Seq seq, WaitLevel level, std::uint32_t msgid = 1,
                    transport::ConnectionId connection = 1) {
  return {.reply_to = {connection, msgid}, .seq = seq, .level = level};
}

TEST(OutboxProgressTest, PositionsOnlyGrow) {
  OutboxProgressWatch progress(10, 5);
  EXPECT_TRUE(progress.stored_through(8).empty());
  EXPECT_EQ(progress.stored_seq(), 10U);
  EXPECT_TRUE(progress.delivered_through(3).empty());
  EXPECT_EQ(progress.delivered_seq(), 5U);
  EXPECT_TRUE(progress.has_reached(10, WaitLevel::kStored));
  EXPECT_FALSE(progress.has_reached(11, WaitLevel::kStored));
  EXPECT_TRUE(progress.has_reached(5, WaitLevel::kDelivered));
  EXPECT_FALSE(progress.has_reached(6, WaitLevel::kDelivered));
}

TEST(OutboxProgressTest, AWaitEndsWhenItsLevelReachesItsNumber) {
  OutboxProgressWatch progress(0, 0);
  progress.add(wait_for(3, WaitLevel::kStored, 1), 1000);
  progress.add(wait_for(3, WaitLevel::kDelivered, 2), 1000);
  progress.add(wait_for(4, WaitLevel::kStored, 3), 1000);

  const auto stored = progress.stored_through(3);
  ASSERT_EQ(stored.size(), 1U);
  EXPECT_EQ(stored[0].reply_to.msgid, 1U);
  const auto delivered = progress.delivered_through(3);
  ASSERT_EQ(delivered.size(), 1U);
  EXPECT_EQ(delivered[0].reply_to.msgid, 2U);
  EXPECT_EQ(progress.waiting(), 1U);
}

TEST(OutboxProgressTest, AWaitForAConsumerEndsWhenItsEntryIsCompleteWhateverIsDelivered) {
  OutboxProgressWatch progress(0, 0);
  for (std::uint32_t seq = 1; seq <= 4; ++seq) {
    progress.add(wait_for(seq, WaitLevel::kConsumed, seq), 1000);
  }
  EXPECT_TRUE(progress.stored_through(4).empty());
  EXPECT_TRUE(progress.delivered_through(4).empty());
  const auto is_even = [](domain::Seq seq) { return seq % 2 == 0; };
  const auto reached = progress.consumed_within(1, 3, is_even);
  ASSERT_EQ(reached.size(), 1U);
  EXPECT_EQ(reached[0].reply_to.msgid, 2U);
  EXPECT_EQ(progress.waiting(), 3U);
  EXPECT_EQ(progress.expire(1000).size(), 3U);
}

TEST(OutboxProgressTest, AWaitPastItsDeadlineIsGivenUpOnce) {
  OutboxProgressWatch progress(0, 0);
  progress.add(wait_for(1, WaitLevel::kStored, 1), 100);
  progress.add(wait_for(1, WaitLevel::kStored, 2), 200);
  EXPECT_TRUE(progress.expire(99).empty());
  const auto expired = progress.expire(100);
  ASSERT_EQ(expired.size(), 1U);
  EXPECT_EQ(expired[0].reply_to.msgid, 1U);
  EXPECT_TRUE(progress.expire(100).empty());
  ASSERT_EQ(progress.stored_through(1).size(), 1U);
  EXPECT_TRUE(progress.expire(1000).empty());
}

TEST(OutboxProgressTest, WaitsEndWithTheirConnectionAndWithTheDaemon) {
  OutboxProgressWatch progress(0, 0);
  progress.add(wait_for(1, WaitLevel::kStored, 1, 7), 100);
  progress.add(wait_for(1, WaitLevel::kDelivered, 2, 7), 100);
  progress.add(wait_for(1, WaitLevel::kStored, 3, 8), 100);
  progress.forget(7);
  EXPECT_EQ(progress.waiting(), 1U);
  const auto rest = progress.take_all();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].reply_to.connection, 8U);
  EXPECT_EQ(progress.waiting(), 0U);
}

TEST(WaitLevelTest, RefusesOtherNames) {
  EXPECT_EQ(parse_wait_level("stored").value(), WaitLevel::kStored);
  EXPECT_EQ(parse_wait_level("delivered").value(), WaitLevel::kDelivered);
  EXPECT_EQ(parse_wait_level("consumed").value(), WaitLevel::kConsumed);
  EXPECT_EQ(parse_wait_level("soon").error().argument, "level");
}

}  // namespace
}  // namespace outboxd::daemon
