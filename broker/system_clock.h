// The machine's clock.
#pragma once

#include "domain/clock.h"

namespace outboxd::broker {

class SystemClock final : public domain::Clock {
 public:
  [[nodiscard]] domain::TimestampMs wall_ms() const override;
  [[nodiscard]] std::int64_t monotonic_ms() const override;
};

}  // namespace outboxd::broker
