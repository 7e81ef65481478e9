// The clock and the identifiers of the machine.
#pragma once

#include <string>

#include "domain/clock.h"

namespace outboxd::daemon {

class SystemClock : public domain::Clock {
 public:
  domain::TimestampMs wall_ms() const override;
  std::int64_t monotonic_ms() const override;  // CLOCK_BOOTTIME: it counts while the box sleeps
};

// 128 random bits of the kernel in hexadecimal. Any thread.
class RandomIds : public domain::IdGenerator {
 public:
  std::string next() override;
};

}  // namespace outboxd::daemon
