#include "daemon/ballast.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace outboxd::daemon {
namespace {

class BallastTest : public testing::Test {
 protected:
  BallastTest() {
    std::string pattern = testing::TempDir() + "/ballast.XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~BallastTest() override { std::filesystem::remove_all(directory_); }

  std::int64_t allocated_bytes() const {
    struct stat info {};
    return ::stat((directory_ + "/ballast").c_str(), &info) == 0 ? info.st_blocks * 512 : 0;
  }

  std::string directory_;
};

TEST_F(BallastTest, HoldsRealBlocksAndGivesThemBack) {
  const Ballast ballast(directory_);
  ASSERT_TRUE(ballast.restore());
  EXPECT_GE(allocated_bytes(), Ballast::kBytes);
  EXPECT_TRUE(ballast.restore()) << "restoring twice is fine";
  ASSERT_TRUE(ballast.release());
  EXPECT_EQ(allocated_bytes(), 0);
  EXPECT_TRUE(ballast.release()) << "and so is releasing twice";
}

TEST_F(BallastTest, SaysWhereItCannotBe) {
  const domain::Status status = Ballast(directory_ + "/missing").restore();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find(directory_ + "/missing/ballast"), std::string::npos);
}

}  // namespace
}  // namespace outboxd::daemon
