#include "daemon/services/reservation_service.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/daemon/services/sales_stage.h"

namespace outboxd::daemon {
namespace {

using domain::ErrorCode;
using domain::ReservationStatus;
using testing::HasSubstr;

void expect_refused(const domain::Result<ReservationOutcome>& outcome, ErrorCode code,
                    const std::string& argument) {
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().code, code) << outcome.error().message;
  EXPECT_EQ(outcome.error().argument, argument) << outcome.error().message;
}

// A publisher that takes events and sends nothing.
class SendsNothing : public domain::EventPublisher {
 public:
  domain::Result<std::vector<domain::Seq>> publish(std::vector<domain::DomainEvent> /*events*/,
                                                   domain::UnitOfWork& /*work*/) override {
    return std::vector<domain::Seq>();
  }
};

class ReservationServiceTest : public testing::Test {
 protected:
  ReservationServiceTest() {
    stage_.deposit("ann", 250);
    stage_.deposit("bob", 250);
  }

  SalesStage stage_;
};

TEST_F(ReservationServiceTest, PayingTakesThePointsSellsTheItemAndPublishesAsOne) {  // G2, G9
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1").ok());
  const auto paid = stage_.pay("r-1", "ann", stage_.issue_token("ann"));
  ASSERT_TRUE(paid.ok()) << paid.error().message;
  EXPECT_FALSE(paid->replayed);
  EXPECT_EQ(paid->seq, 2U);
  EXPECT_EQ(stage_.get("r-1").status, ReservationStatus::kPaid);
  EXPECT_EQ(stage_.points_of("ann"), 150);
  EXPECT_EQ(stage_.services.outbox_topics(), "1:reservations 2:reservations ");
}

TEST_F(ReservationServiceTest, TheTokenExpiresOnceThePaymentIsDurableAndServesNoOtherBefore) {
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1").ok());
  ASSERT_TRUE(stage_.hold("r-2", "ann", "seat-2").ok());
  const std::string token = stage_.issue_token("ann");
  ASSERT_TRUE(stage_.pay("r-1", "ann", token).ok());
  EXPECT_EQ(stage_.tokens.size(), 1U);
  expect_refused(stage_.pay("r-2", "ann", token), ErrorCode::kTokenInvalid, "token");
  stage_.commit();
  EXPECT_EQ(stage_.tokens.size(), 0U);
  expect_refused(stage_.pay("r-2", "ann", token), ErrorCode::kTokenInvalid, "token");
  EXPECT_EQ(stage_.points_of("ann"), 150);
}

TEST_F(ReservationServiceTest, ARetryWithTheSameTokenFindsThePaymentWhenTokensAreForgotten) {  // G4
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1").ok());
  const std::string token = stage_.issue_token("ann");
  ASSERT_TRUE(stage_.pay("r-1", "ann", token).ok());
  stage_.commit();
  ASSERT_EQ(stage_.tokens.size(), 0U);
  const auto again = stage_.pay("r-1", "ann", token);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->seq, 2U);
  EXPECT_EQ(stage_.points_of("ann"), 150);
}

TEST_F(ReservationServiceTest, TooFewPointsChangeNothingAndSayHowManyAreMissing) {
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1", 300).ok());
  const std::string token = stage_.issue_token("ann");
  const auto refused = stage_.pay("r-1", "ann", token);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInsufficientPoints);
  EXPECT_EQ(refused.error().missing, 50);
  EXPECT_EQ(stage_.get("r-1").status, ReservationStatus::kHeld);
  EXPECT_EQ(stage_.points_of("ann"), 250);
  stage_.deposit("ann", 50);
  EXPECT_TRUE(stage_.pay("r-1", "ann", token).ok()) << "the token is still good";
  EXPECT_EQ(stage_.points_of("ann"), 0);
}

TEST_F(ReservationServiceTest, APaymentThatCannotBePublishedTakesNothing) {
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1").ok());
  const std::string token = stage_.issue_token("ann");
  stage_.services.backlog.max_entries = 0;
  expect_refused(stage_.pay("r-1", "ann", token), ErrorCode::kOutboxFull, "");
  EXPECT_EQ(stage_.points_of("ann"), 250);
  stage_.services.backlog.max_entries = 10;
  EXPECT_TRUE(stage_.pay("r-1", "ann", token).ok()) << "the token is still good";
}

TEST_F(ReservationServiceTest, OnlyAGoodTokenOfTheUserPays) {
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1", 100, domain::kMaxHoldTtlMs).ok());
  const std::string old = stage_.issue_token("ann");
  expect_refused(stage_.pay("r-1", "ann", "guessed"), ErrorCode::kTokenInvalid, "token");
  expect_refused(stage_.pay("r-1", "ann", stage_.issue_token("bob")), ErrorCode::kTokenInvalid,
                 "token");
  stage_.pass(SalesStage::kTokenTtlMs);
  expect_refused(stage_.pay("r-1", "ann", old), ErrorCode::kTokenInvalid, "token");
  EXPECT_EQ(stage_.points_of("ann"), 250);
}

TEST_F(ReservationServiceTest, AReservationThatIsNotTheUsersOrIsNotThereIsNotPaid) {
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1").ok());
  const std::string token = stage_.issue_token("bob");
  expect_refused(stage_.pay("r-1", "bob", token), ErrorCode::kPermissionDenied, "user_id");
  expect_refused(stage_.pay("r-9", "bob", token), ErrorCode::kNotFound, "reservation_id");
  EXPECT_EQ(stage_.points_of("bob"), 250);
}

TEST_F(ReservationServiceTest, AReservationThatHasEndedIsNotPaid) {
  ASSERT_TRUE(stage_.hold("paid", "ann", "seat-1").ok());
  ASSERT_TRUE(stage_.hold("cancelled", "ann", "seat-2").ok());
  ASSERT_TRUE(stage_.hold("over", "ann", "seat-3", 100, 10).ok());
  ASSERT_TRUE(stage_.pay("paid", "ann", stage_.issue_token("ann")).ok());
  ASSERT_TRUE(stage_.cancel("cancelled", "").ok());
  stage_.pass(10);
  const std::string token = stage_.issue_token("ann");
  for (const char* const ended : {"paid", "cancelled", "over"}) {
    const auto refused = stage_.pay(ended, "ann", token);
    ASSERT_FALSE(refused.ok()) << ended;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidState) << ended;
  }
  EXPECT_EQ(stage_.get("over").status, ReservationStatus::kHeld) << "a refusal changes nothing";
  EXPECT_EQ(stage_.points_of("ann"), 150);
}

TEST_F(ReservationServiceTest, AnItemIsHeldOnceAndSoldOnce) {
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1").ok());
  const auto held = stage_.hold("r-2", "bob", "seat-1");
  expect_refused(held, ErrorCode::kInvalidState, "item_id");
  EXPECT_THAT(held.error().message, HasSubstr("seat-1 is held"));
  ASSERT_TRUE(stage_.pay("r-1", "ann", stage_.issue_token("ann")).ok());
  stage_.pass(2 * SalesStage::kHoldTtlMs);
  const auto sold = stage_.hold("r-2", "bob", "seat-1");
  expect_refused(sold, ErrorCode::kInvalidState, "item_id");
  EXPECT_THAT(sold.error().message, HasSubstr("seat-1 is sold"));
}

TEST_F(ReservationServiceTest, AHoldThatIsOverGivesWayInTheCommitOfTheNext) {
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1", 100, 1'000).ok());
  stage_.pass(999);
  expect_refused(stage_.hold("r-2", "bob", "seat-1"), ErrorCode::kInvalidState, "item_id");
  stage_.pass(1);
  const auto next = stage_.hold("r-2", "bob", "seat-1");
  ASSERT_TRUE(next.ok()) << next.error().message;
  EXPECT_EQ(next->seq, 3U) << "reservation.expired goes before";
  EXPECT_EQ(stage_.get("r-1").status, ReservationStatus::kExpired);
  expect_refused(stage_.pay("r-1", "ann", stage_.issue_token("ann")), ErrorCode::kInvalidState,
                 "reservation_id");
}

TEST_F(ReservationServiceTest, AWallClockThatJumpsEndsNoHold) {
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1").ok());
  stage_.services.clock.now_ms += 10 * SalesStage::kHoldTtlMs;
  expect_refused(stage_.hold("r-2", "bob", "seat-1"), ErrorCode::kInvalidState, "item_id");
  EXPECT_TRUE(stage_.pay("r-1", "ann", stage_.issue_token("ann")).ok());
}

TEST_F(ReservationServiceTest, ARepeatedHoldIsFoundWhateverBecameOfIt) {  // G4
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1").ok());
  ASSERT_TRUE(stage_.pay("r-1", "ann", stage_.issue_token("ann")).ok());
  const auto again = stage_.hold("r-1", "ann", "seat-1");
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->seq, 1U);
  EXPECT_EQ(again->reservation.status, ReservationStatus::kPaid);
  EXPECT_EQ(stage_.services.outbox_topics(), "1:reservations 2:reservations ");
}

TEST_F(ReservationServiceTest, AHoldThatIsKnownWithOtherContentIsAConflict) {
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1").ok());
  for (const auto& other :
       {stage_.hold("r-1", "bob", "seat-1"), stage_.hold("r-1", "ann", "seat-2"),
        stage_.hold("r-1", "ann", "seat-1", 101), stage_.hold("r-1", "ann", "seat-1", 100, 5)}) {
    expect_refused(other, ErrorCode::kIdConflict, "reservation_id");
  }
}

TEST_F(ReservationServiceTest, AHoldNeedsAPriceAndATimeToLive) {
  expect_refused(stage_.hold("r-1", "ann", "s", 0), ErrorCode::kBadRequest, "price_points");
  expect_refused(stage_.hold("r-1", "ann", "s", -5), ErrorCode::kBadRequest, "price_points");
  expect_refused(stage_.hold("r-1", "ann", "s", 1, 0), ErrorCode::kBadRequest, "ttl_ms");
  expect_refused(stage_.hold("r-1", "ann", "s", 1, domain::kMaxHoldTtlMs + 1),
                 ErrorCode::kBadRequest, "ttl_ms");
}

TEST_F(ReservationServiceTest, CancellingFreesTheItemForEverybody) {
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1").ok());
  ASSERT_TRUE(stage_.cancel("r-1", "cannot come").ok());
  EXPECT_TRUE(stage_.hold("r-2", "bob", "seat-1").ok());
  EXPECT_EQ(stage_.points_of("ann"), 250);
}

TEST_F(ReservationServiceTest, CancellingAgainIsFoundForTheSameReasonOnly) {
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1").ok());
  ASSERT_TRUE(stage_.cancel("r-1", "cannot come").ok());
  const auto again = stage_.cancel("r-1", "cannot come");
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->seq, 2U);
  expect_refused(stage_.cancel("r-1", "too dear"), ErrorCode::kIdConflict, "reason");
  expect_refused(stage_.cancel("r-9", ""), ErrorCode::kNotFound, "reservation_id");
}

TEST_F(ReservationServiceTest, WhatIsSoldIsNotCancelled) {
  ASSERT_TRUE(stage_.hold("r-1", "ann", "seat-1").ok());
  ASSERT_TRUE(stage_.pay("r-1", "ann", stage_.issue_token("ann")).ok());
  const auto refused = stage_.cancel("r-1", "");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidState);
}

TEST(ReservationServiceWithoutOutbox, APublisherThatSendsNothingSellsAllTheSame) {
  SendsNothing publisher;
  SalesStage stage(publisher);
  stage.deposit("ann", 250);
  ASSERT_TRUE(stage.hold("r-1", "ann", "seat-1").ok());
  const auto paid = stage.pay("r-1", "ann", stage.issue_token("ann"));
  ASSERT_TRUE(paid.ok()) << paid.error().message;
  EXPECT_EQ(paid->seq, 0U);
  EXPECT_EQ(stage.points_of("ann"), 150);
  stage.commit();
  EXPECT_EQ(stage.tokens.size(), 0U);
  EXPECT_EQ(stage.services.outbox_topics(), "");
}

}  // namespace
}  // namespace outboxd::daemon
