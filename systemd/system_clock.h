// The machine's clocks.
#pragma once

#include <cstdint>

#include "domain/clock.h"

namespace outboxd::systemd {

class SystemClock final : public domain::Clock {
 public:
  [[nodiscard]] domain::TimestampMs wall_ms() const override;
  [[nodiscard]] std::int64_t monotonic_ms() const override;  // CLOCK_BOOTTIME: counts in suspend
};

}  // namespace outboxd::systemd
