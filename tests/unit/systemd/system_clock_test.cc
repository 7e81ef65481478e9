#include "systemd/system_clock.h"

#include <gtest/gtest.h>

namespace outboxd::systemd {
namespace {

TEST(SystemClockTest, ReadsUnixTimeAndAClockThatNeverGoesBack) {
  const SystemClock clock;
  EXPECT_GT(clock.wall_ms(), 1'600'000'000'000) << "milliseconds, after 2020";
  const std::int64_t before = clock.monotonic_ms();
  EXPECT_GE(clock.monotonic_ms(), before);
}

}  // namespace
}  // namespace outboxd::systemd
