#include "systemd/system_clock.h"

#include <ctime>

#include "domain/check.h"

namespace outboxd::systemd {
namespace {

std::int64_t read_ms(clockid_t clock) {
  timespec now{};
  OUTBOXD_CHECK(::clock_gettime(clock, &now) == 0);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

domain::TimestampMs SystemClock::wall_ms() const {
  return read_ms(CLOCK_REALTIME);
}

std::int64_t SystemClock::monotonic_ms() const {
  return read_ms(CLOCK_BOOTTIME);
}

}  // namespace outboxd::systemd
