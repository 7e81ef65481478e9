// How long this broker has been running, over all its starts.
#pragma once

#include "domain/clock.h"

namespace outboxd::broker {

// Goes on from where the engine saw it last. Any thread.
class ServiceTime final : public domain::ElapsedTime {
 public:
  // `clock` must outlive it.
  ServiceTime(const domain::Clock& clock, std::int64_t elapsed_at_open_ms)
      : clock_(clock), origin_ms_(clock.monotonic_ms() - elapsed_at_open_ms) {}

  [[nodiscard]] std::int64_t elapsed_ms() const override {
    return clock_.monotonic_ms() - origin_ms_;
  }

  // When the monotonic clock will show what `elapsed_ms` is in service time.
  [[nodiscard]] std::int64_t monotonic_ms(std::int64_t elapsed_ms) const {
    return origin_ms_ + elapsed_ms;
  }

 private:
  const domain::Clock& clock_;
  const std::int64_t origin_ms_;
};

}  // namespace outboxd::broker
