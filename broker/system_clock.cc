#include "broker/system_clock.h"

#include <chrono>

namespace outboxd::broker {
namespace {

template <typename Clock>
std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch())
      .count();
}

}  // namespace

domain::TimestampMs SystemClock::wall_ms() const {
  return now_ms<std::chrono::system_clock>();
}

std::int64_t SystemClock::monotonic_ms() const {
  return now_ms<std::chrono::steady_clock>();
}

}  // namespace outboxd::broker
