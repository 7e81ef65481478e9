#include "daemon/services/wallet_service.h"

#include <cstdint>
#include <limits>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/unit/daemon/services/service_stage.h"

namespace outboxd::daemon {
namespace {

using domain::ErrorCode;
using domain::Points;
using domain::UserId;

class WalletServiceTest : public testing::Test {
 protected:
  domain::Result<WalletOutcome> deposit(std::string_view id, std::string_view user, Points points) {
    const Deposit request{domain::DepositId::parse(id).value(), UserId::parse(user).value(),
                          points};
    return stage_.run([&](auto& work) { return wallets_.deposit(request, work); });
  }
  Points points_of(std::string_view user) {
    return stage_.run([&](auto& work) { return wallets_.get(UserId::parse(user).value(), work); })
        .value()
        .points();
  }

  ServiceStage stage_;
  WalletService wallets_{stage_.clock};
};

TEST_F(WalletServiceTest, DepositsAddUp) {
  EXPECT_EQ(deposit("d-1", "ann", 300)->wallet.points(), 300);
  EXPECT_EQ(deposit("d-2", "ann", 45)->wallet.points(), 345);
  EXPECT_EQ(points_of("ann"), 345);
}

TEST_F(WalletServiceTest, AUserWhoNeverHadPointsHasNone) {
  EXPECT_EQ(points_of("ann"), 0);
}

TEST_F(WalletServiceTest, ARepeatedDepositCountsOnceAndShowsTheWalletOfNow) {  // G4
  ASSERT_TRUE(deposit("d-1", "ann", 300).ok());
  ASSERT_TRUE(deposit("d-2", "ann", 45).ok());
  const auto again = deposit("d-1", "ann", 300);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->wallet.points(), 345);
  EXPECT_EQ(points_of("ann"), 345);
}

TEST_F(WalletServiceTest, ADepositThatIsKnownWithOtherContentIsAConflict) {
  ASSERT_TRUE(deposit("d-1", "ann", 300).ok());
  for (const auto& other : {deposit("d-1", "ann", 301), deposit("d-1", "bob", 300)}) {
    ASSERT_FALSE(other.ok());
    EXPECT_EQ(other.error().code, ErrorCode::kIdConflict);
    EXPECT_EQ(other.error().argument, "deposit_id");
  }
  EXPECT_EQ(points_of("ann"), 300);
  EXPECT_EQ(points_of("bob"), 0);
}

TEST_F(WalletServiceTest, NegativeZeroAndOverflowingPointsAreRefusedAndLeaveNoRecord) {
  ASSERT_TRUE(deposit("d-1", "ann", 300).ok());
  for (const Points points : {Points{-1}, Points{0}, std::numeric_limits<Points>::max()}) {
    const auto refused = deposit("d-2", "ann", points);
    ASSERT_FALSE(refused.ok()) << points;
    EXPECT_EQ(refused.error().code, ErrorCode::kBadRequest);
    EXPECT_EQ(refused.error().argument, "points");
  }
  EXPECT_FALSE(deposit("d-2", "ann", 1)->replayed);
  EXPECT_EQ(points_of("ann"), 301);
}

}  // namespace
}  // namespace outboxd::daemon
