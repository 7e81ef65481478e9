#include "daemon/payments/credit_pacer.h"

#include <gtest/gtest.h>

namespace outboxd::daemon {
namespace {

constexpr std::size_t kLeast = 16;
constexpr std::size_t kMost = 4096;

class CreditPacerTest : public testing::Test {
 protected:
  // `count` deliveries are done with, one every `ms` milliseconds.
  void work(std::size_t count, std::int64_t ms) {
    for (std::size_t i = 0; i < count; ++i) {
      now_ms_ += ms;
      changes_ += pacer_.done(now_ms_) ? 1 : 0;
    }
  }

  CreditPacer pacer_{kLeast, kMost};
  int changes_ = 0;

 private:
  std::int64_t now_ms_ = 5'000;
};

TEST_F(CreditPacerTest, BeginsWithTheLeast) {
  EXPECT_EQ(pacer_.credit(), kLeast);
}

TEST_F(CreditPacerTest, GrowsWithEveryQuickRoundUpToTheMost) {
  work(1 + kLeast, 0);
  EXPECT_EQ(pacer_.credit(), 4 * kLeast);
  work(4 * kLeast - 1, 0);
  EXPECT_EQ(pacer_.credit(), 4 * kLeast) << "the round is not over";
  work(1, 0);
  EXPECT_EQ(pacer_.credit(), 16 * kLeast);
  work(100'000, 0);
  EXPECT_EQ(pacer_.credit(), kMost);
  EXPECT_EQ(changes_, 4) << "what stays as it is, is no change";
}

TEST_F(CreditPacerTest, RestsWhereARoundTakesBetweenATenthOfASecondAndASecond) {
  work(20'000, 1);  // a thousand a second
  const std::size_t credit = pacer_.credit();
  EXPECT_GE(credit, 100U);
  EXPECT_LE(credit, 1'000U);
  const int changes = changes_;
  work(20'000, 1);
  EXPECT_EQ(pacer_.credit(), credit);
  EXPECT_EQ(changes_, changes) << "it swings";
}

TEST_F(CreditPacerTest, ShrinksDuringARoundThatTakesLong) {
  work(100'000, 0);
  work(1, 1'001);
  EXPECT_EQ(pacer_.credit(), kMost / 4) << "not only when 4,096 are done with";
  work(10, 10'000);  // a gateway that does not answer in time
  EXPECT_EQ(pacer_.credit(), kLeast);
}

TEST_F(CreditPacerTest, StaysAtTheLeastUnderASlowGateway) {
  work(1'000, 100);
  EXPECT_EQ(pacer_.credit(), kLeast);
  EXPECT_EQ(changes_, 0);
}

}  // namespace
}  // namespace outboxd::daemon
