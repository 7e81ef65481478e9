#include "daemon/disk_guard.h"

#include <gtest/gtest.h>

namespace outboxd::daemon {
namespace {

TEST(DiskGuardTest, RefusesWritesBelowTheSoftLimitAndRecoversByItself) {
  std::uint64_t free_bytes = 1000;
  DiskGuard guard({.soft_free_bytes = 500, .hard_free_bytes = 100}, [&] { return free_bytes; });
  EXPECT_EQ(guard.level(), DiskLevel::kOk);
  EXPECT_TRUE(guard.admit_write());

  free_bytes = 499;
  EXPECT_TRUE(guard.refresh());
  EXPECT_EQ(guard.level(), DiskLevel::kSoft);
  const domain::Status refused = guard.admit_write();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, domain::ErrorCode::kStorageFull);
  EXPECT_NE(refused.error().message.find("499"), std::string::npos);

  free_bytes = 99;
  EXPECT_TRUE(guard.refresh());
  EXPECT_EQ(guard.level(), DiskLevel::kHard);
  EXPECT_FALSE(guard.refresh()) << "nothing changed";

  free_bytes = 500;
  EXPECT_TRUE(guard.refresh());
  EXPECT_TRUE(guard.admit_write());
}

TEST(DiskGuardTest, StartsAtTheLevelThatItFinds) {
  const DiskGuard guard({.soft_free_bytes = 500, .hard_free_bytes = 100}, [] { return 50; });
  EXPECT_EQ(guard.level(), DiskLevel::kHard);
}

TEST(FreeBytesTest, ADiskThatCannotBeAskedCountsAsFull) {
  EXPECT_GT(free_bytes_at("/"), 0U);
  EXPECT_EQ(free_bytes_at("/nonexistent/directory"), 0U);
}

}  // namespace
}  // namespace outboxd::daemon
