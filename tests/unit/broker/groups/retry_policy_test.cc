#include "broker/groups/retry_policy.h"

#include <gtest/gtest.h>

namespace outboxd::broker {
namespace {

// Of the spread by 2 × 20 % + 1 values, the number that stands for the middle of `wait_ms`.
std::uint64_t middle(std::int64_t wait_ms) {
  return static_cast<std::uint64_t>(wait_ms / 5);
}

TEST(RetryPolicyTest, TheWaitDoublesWithEachAttemptUpToTheMaximum) {
  const RetryPolicy policy;
  EXPECT_EQ(policy.backoff_ms(1, middle(1'000)), 1'000);
  EXPECT_EQ(policy.backoff_ms(2, middle(2'000)), 2'000);
  EXPECT_EQ(policy.backoff_ms(6, middle(32'000)), 32'000);
  EXPECT_EQ(policy.backoff_ms(7, middle(60'000)), 60'000);
  EXPECT_EQ(policy.backoff_ms(4'000'000'000, middle(60'000)), 60'000);
}

TEST(RetryPolicyTest, JitterIsAFifthInBothDirectionsAndNoMore) {
  const RetryPolicy policy;
  std::int64_t least = 1'000'000;
  std::int64_t most = 0;
  for (std::uint64_t random = 0; random < 1'000; ++random) {
    const std::int64_t wait_ms = policy.backoff_ms(1, random * 0x9e3779b97f4a7c15U);
    least = std::min(least, wait_ms);
    most = std::max(most, wait_ms);
    ASSERT_GE(wait_ms, 800);
    ASSERT_LE(wait_ms, 1'200);
  }
  EXPECT_LT(least, 850);
  EXPECT_GT(most, 1'150);
}

TEST(RetryPolicyTest, TheFirstAttemptIsNoRetry) {
  const RetryPolicy policy{.max_retries = 3};
  EXPECT_FALSE(policy.exhausted(3));
  EXPECT_TRUE(policy.exhausted(4));
  EXPECT_TRUE(RetryPolicy{.max_retries = 0}.exhausted(1));
}

TEST(RetryPolicyTest, AWaitIsNeverNothing) {
  const RetryPolicy policy{.backoff_base_ms = 0, .backoff_max_ms = 10};
  EXPECT_EQ(policy.backoff_ms(1, 0), 1);
}

}  // namespace
}  // namespace outboxd::broker
