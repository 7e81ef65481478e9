#include "broker/service_time.h"

#include <gtest/gtest.h>

#include "tests/support/manual_clock.h"

namespace outboxd::broker {
namespace {

TEST(ServiceTimeTest, GoesOnFromTheLastStartWithTheMonotonicClock) {
  support::ManualClock clock;
  const std::int64_t opened_ms = clock.monotonic_ms();
  const ServiceTime time(clock, 5'000);
  EXPECT_EQ(time.elapsed_ms(), 5'000);
  clock.advance_ms(250);
  EXPECT_EQ(time.elapsed_ms(), 5'250);
  EXPECT_EQ(time.monotonic_ms(6'000), opened_ms + 1'000);
}

TEST(ServiceTimeTest, DoesNotFollowAWallClockThatIsSet) {
  constexpr std::int64_t kYearMs = std::int64_t{365} * 24 * 3600 * 1000;
  support::ManualClock clock;
  const ServiceTime time(clock, 5'000);
  for (const std::int64_t jump_ms : {kYearMs, -2 * kYearMs}) {
    clock.jump_wall_ms(jump_ms);
    EXPECT_EQ(time.elapsed_ms(), 5'000);
  }
}

}  // namespace
}  // namespace outboxd::broker
