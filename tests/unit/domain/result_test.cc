#include "domain/result.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace outboxd::domain {
namespace {

Result<int> half_of(int number) {
  if (number % 2 != 0) return bad_request("number", "number must be even");
  return number / 2;
}

Result<int> quarter_of(int number) {
  OUTBOXD_ASSIGN_OR_RETURN(const int half, half_of(number));
  return half_of(half);
}

Status check_even(int number) {
  OUTBOXD_TRY(half_of(number));
  return ok_status();
}

TEST(ResultTest, HoldsAValueOrAnError) {
  EXPECT_EQ(half_of(4).value(), 2);
  const Result<int> failed = half_of(3);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error(), bad_request("number", "number must be even"));
}

TEST(ResultTest, TryAndAssignPassTheFirstErrorOn) {
  EXPECT_EQ(quarter_of(8).value(), 2);
  EXPECT_EQ(quarter_of(6).error().argument, "number");
  EXPECT_TRUE(check_even(2));
  EXPECT_FALSE(check_even(1));
}

TEST(ResultTest, MovesOutWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
}

TEST(ResultDeathTest, AskingForWhatIsNotThereAborts) {
  EXPECT_DEATH(half_of(3).value(), "CHECK failed");
  EXPECT_DEATH(half_of(2).error(), "CHECK failed");
}

TEST(ErrorCodeTest, EveryCodeHasItsWireNameAndAdvice) {
  EXPECT_EQ(name_of(ErrorCode::kBadRequest), "bad_request");
  EXPECT_EQ(name_of(ErrorCode::kUnknownMethod), "unknown_method");
  EXPECT_EQ(name_of(ErrorCode::kNotFound), "not_found");
  EXPECT_EQ(name_of(ErrorCode::kIdConflict), "id_conflict");
  EXPECT_EQ(name_of(ErrorCode::kVersionConflict), "version_conflict");
  EXPECT_EQ(name_of(ErrorCode::kInsufficientPoints), "insufficient_points");
  EXPECT_EQ(name_of(ErrorCode::kInvalidState), "invalid_state");
  EXPECT_EQ(name_of(ErrorCode::kTokenInvalid), "token_invalid");
  EXPECT_EQ(name_of(ErrorCode::kPermissionDenied), "permission_denied");
  EXPECT_EQ(name_of(ErrorCode::kStorageFull), "storage_full");
  EXPECT_EQ(name_of(ErrorCode::kOutboxFull), "outbox_full");
  EXPECT_EQ(name_of(ErrorCode::kDamaged), "damaged");
  EXPECT_EQ(name_of(ErrorCode::kTooLarge), "too_large");
  EXPECT_EQ(name_of(ErrorCode::kShuttingDown), "shutting_down");
  EXPECT_EQ(name_of(ErrorCode::kTimeout), "timeout");
  EXPECT_EQ(name_of(ErrorCode::kInternal), "internal");

  EXPECT_EQ(name_of(default_retry(ErrorCode::kBadRequest)), "never");
  EXPECT_EQ(name_of(default_retry(ErrorCode::kInternal)), "same_id");
  EXPECT_EQ(name_of(default_retry(ErrorCode::kStorageFull)), "later");
}

}  // namespace
}  // namespace outboxd::domain
