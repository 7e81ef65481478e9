#include "daemon/hold_expiry.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/daemon/services/sales_stage.h"

namespace outboxd::daemon {
namespace {

using domain::ReservationStatus;
using domain::Status;

class HoldExpiryTest : public testing::Test {
 protected:
  static constexpr std::size_t kMaxPerStep = 3;

  HoldExpiryTest() { start(); }

  // The daemon starts, over whatever the store holds.
  void start() {
    expiry_ = std::make_unique<HoldExpiry>(
        HoldExpiryParts{commits_, stage_.services.store, stage_.reservations, stage_.elapsed},
        kMaxPerStep);
  }

  void hold(const std::string& id, std::int64_t ttl_ms) {
    ASSERT_TRUE(stage_.hold(id, "ann", "seat-of-" + id, 1, ttl_ms).ok());
    stage_.commit();
  }
  bool step() {
    const bool more = expiry_->step();
    stage_.commit();
    return more;
  }
  ReservationStatus status_of(const std::string& id) { return stage_.get(id).status; }

  SalesStage stage_;
  StageCommits commits_{stage_.services};
  std::unique_ptr<HoldExpiry> expiry_;
};

TEST_F(HoldExpiryTest, AHoldEndsWhenItsTimeIsOverAndNotBefore) {
  hold("r-1", 1'000);
  stage_.pass(999);
  EXPECT_FALSE(step());
  EXPECT_EQ(status_of("r-1"), ReservationStatus::kHeld);
  stage_.pass(1);
  EXPECT_FALSE(step());
  EXPECT_EQ(status_of("r-1"), ReservationStatus::kExpired);
  EXPECT_EQ(stage_.services.outbox_topics(), "1:reservations 2:reservations ");
}

TEST_F(HoldExpiryTest, HoldsEndInTheOrderOfTheirTimesNotOfTheirMaking) {
  hold("long", 1'000);
  hold("short", 10);
  stage_.pass(10);
  step();
  EXPECT_EQ(status_of("short"), ReservationStatus::kExpired);
  EXPECT_EQ(status_of("long"), ReservationStatus::kHeld);
  hold("later", 20);
  stage_.pass(20);
  step();
  EXPECT_EQ(status_of("later"), ReservationStatus::kExpired);
}

TEST_F(HoldExpiryTest, AHoldThatIsMadeLaterAndEndsEarlierIsNotOverlooked) {
  hold("long", 1'000);
  step();
  hold("short", 10);
  expiry_->note_held(stage_.get("short").expires_elapsed_ms);
  EXPECT_TRUE(expiry_->is_waiting());
  stage_.pass(10);
  step();
  EXPECT_EQ(status_of("short"), ReservationStatus::kExpired);
}

TEST_F(HoldExpiryTest, AClockThatJumpsEndsNothing) {
  hold("r-1", 1'000);
  stage_.services.clock.now_ms += 1'000'000;
  step();
  EXPECT_EQ(status_of("r-1"), ReservationStatus::kHeld);
}

TEST_F(HoldExpiryTest, ARestartKeepsTheTimesOfHolds) {
  hold("r-1", 1'000);
  stage_.pass(600);
  start();
  step();
  EXPECT_EQ(status_of("r-1"), ReservationStatus::kHeld);
  EXPECT_TRUE(expiry_->is_waiting());
  stage_.pass(400);
  step();
  EXPECT_EQ(status_of("r-1"), ReservationStatus::kExpired);
}

TEST_F(HoldExpiryTest, OneStepEndsABoundedNumberAndSaysThatThereAreMore) {
  for (const char* const id : {"1", "2", "3", "4"}) hold(id, 10);
  stage_.pass(10);
  EXPECT_TRUE(step());
  EXPECT_EQ(status_of("3"), ReservationStatus::kExpired);
  EXPECT_EQ(status_of("4"), ReservationStatus::kHeld);
  EXPECT_FALSE(step());
  EXPECT_EQ(status_of("4"), ReservationStatus::kExpired);
}

TEST_F(HoldExpiryTest, NothingWaitsWhenAllHaveEndedOtherwise) {
  hold("r-1", 10);
  step();
  EXPECT_TRUE(expiry_->is_waiting());
  ASSERT_TRUE(stage_.cancel("r-1", "").ok());
  stage_.commit();
  stage_.pass(10);
  step();
  EXPECT_FALSE(expiry_->is_waiting());
  EXPECT_EQ(status_of("r-1"), ReservationStatus::kCancelled);
}

TEST_F(HoldExpiryTest, AHoldThatThereIsNoRoomToEndIsEndedLater) {
  hold("r-1", 10);
  stage_.pass(10);
  stage_.services.backlog.max_entries = 0;
  EXPECT_FALSE(step());
  EXPECT_EQ(status_of("r-1"), ReservationStatus::kHeld);
  stage_.services.backlog.max_entries = 10;
  step();
  EXPECT_EQ(status_of("r-1"), ReservationStatus::kExpired);
}

}  // namespace
}  // namespace outboxd::daemon
