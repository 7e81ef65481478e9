// A clock that a test moves.
#pragma once

#include <atomic>

#include "domain/clock.h"

namespace outboxd::support {

class ManualClock final : public domain::Clock {
 public:
  domain::TimestampMs wall_ms() const override { return wall_ms_; }
  std::int64_t monotonic_ms() const override { return monotonic_ms_; }

  // Both clocks go on by `ms`.
  void advance_ms(std::int64_t ms) {
    wall_ms_ += ms;
    monotonic_ms_ += ms;
  }

  // Somebody sets the time of day: no time passes.
  void jump_wall_ms(std::int64_t ms) { wall_ms_ += ms; }

 private:
  std::atomic<domain::TimestampMs> wall_ms_{1'700'000'000'000};
  std::atomic<std::int64_t> monotonic_ms_{5'000};
};

}  // namespace outboxd::support
