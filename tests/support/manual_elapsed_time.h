// Elapsed time that a test sets.
#pragma once

#include "domain/clock.h"

namespace outboxd::support {

class ManualElapsedTime final : public domain::ElapsedTime {
 public:
  explicit ManualElapsedTime(std::int64_t ms = 0) : now_ms(ms) {}
  std::int64_t elapsed_ms() const override { return now_ms; }

  std::int64_t now_ms;
};

}  // namespace outboxd::support
