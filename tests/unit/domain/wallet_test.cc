#include "domain/wallet.h"

#include <limits>

#include <gmock/gmock.h>

namespace outboxd::domain {
namespace {

using testing::HasSubstr;

constexpr Points kMost = std::numeric_limits<Points>::max();

Wallet wallet_with(Points deposited, Points paid = 0) {
  return Wallet({.user_id = UserId::parse("ada").value(), .deposited = deposited, .paid = paid});
}

TEST(Wallet, ANewWalletHasNoPoints) {
  const Wallet wallet = Wallet::empty(UserId::parse("ada").value());
  EXPECT_EQ(wallet.snapshot().points(), 0);
  EXPECT_EQ(wallet.snapshot().user_id.text(), "ada");
}

TEST(Wallet, PointsAreWhatCameInLessWhatWasPaid) {
  Wallet wallet = wallet_with(0);
  ASSERT_TRUE(wallet.deposit(100).ok());
  ASSERT_TRUE(wallet.deposit(50).ok());
  ASSERT_TRUE(wallet.deduct(30).ok());
  EXPECT_EQ(wallet.snapshot().points(), 120);
  EXPECT_EQ(wallet.snapshot().deposited, 150);
  EXPECT_EQ(wallet.snapshot().paid, 30);
}

TEST(Wallet, EverythingInItCanBePaidAndNotOnePointMore) {
  Wallet wallet = wallet_with(50);
  EXPECT_FALSE(wallet.deduct(51).ok());
  ASSERT_TRUE(wallet.deduct(50).ok());
  EXPECT_EQ(wallet.snapshot().points(), 0);
  EXPECT_FALSE(wallet.deduct(1).ok());
}

TEST(Wallet, ARefusedDeductionSaysHowManyPointsAreMissingAndChangesNothing) {
  Wallet wallet = wallet_with(100, 70);
  const Status refused = wallet.deduct(50);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInsufficientPoints);
  EXPECT_EQ(refused.error().message, "user ada has 30 points and needs 50; 20 are missing");
  EXPECT_EQ(refused.error().missing, 20);
  EXPECT_EQ(wallet.snapshot().points(), 30);
}

TEST(Wallet, APriceAtTheEndOfTheRangeIsCountedRight) {
  EXPECT_EQ(wallet_with(kMost, kMost).deduct(kMost).error().missing, kMost);
  EXPECT_TRUE(wallet_with(kMost).deduct(kMost).ok());
}

TEST(Wallet, ADepositThatIsNotPositiveIsRefused) {
  for (const Points points : {Points{0}, Points{-1}, std::numeric_limits<Points>::min()}) {
    Wallet wallet = wallet_with(5);
    const Status refused = wallet.deposit(points);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kBadRequest);
    EXPECT_EQ(refused.error().argument, "points");
    EXPECT_THAT(refused.error().message, HasSubstr("at least 1"));
    EXPECT_EQ(wallet.snapshot().deposited, 5);
  }
}

TEST(Wallet, ADepositThatNoIntegerCouldHoldIsRefusedAlsoWhenMostWasPaid) {
  Wallet wallet = wallet_with(kMost - 1, kMost - 1);
  const Status refused = wallet.deposit(2);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kBadRequest);
  EXPECT_THAT(refused.error().message, HasSubstr("can take in 1 more points, not 2"));
  EXPECT_EQ(wallet.snapshot().points(), 0);
  EXPECT_TRUE(wallet.deposit(1).ok());
}

}  // namespace
}  // namespace outboxd::domain
