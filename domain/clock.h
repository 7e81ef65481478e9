// Time and fresh identifiers are injected, so that tests decide them.
#pragma once

#include <cstdint>
#include <string>

namespace outboxd::domain {

// Milliseconds since the Unix epoch, UTC. Signed, so that a clock before 1970 (no RTC) is still a
// number.
using TimestampMs = std::int64_t;

// Thread contract of implementations: callable from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall clock: what people read. It may jump by years in either direction (a box without an RTC).
  virtual TimestampMs wall_ms() const = 0;

  // Monotonic clock: what durations are measured with. It has no relation to the wall clock.
  virtual std::int64_t monotonic_ms() const = 0;
};

// How long this installation has been running, over all its starts. Time while it was off does not
// count, and no clock that is set changes it: what a time to live is measured with.
//
// Thread contract of implementations: callable from any thread.
class ElapsedTime {
 public:
  virtual ~ElapsedTime() = default;

  // Never goes back while the process lives; over a restart by no more than the time between two
  // writes of it.
  virtual std::int64_t elapsed_ms() const = 0;
};

// One moment by both clocks: what happened when is shown by the wall clock and decided by the
// elapsed time.
struct Moment {
  TimestampMs wall_ms = 0;
  std::int64_t elapsed_ms = 0;
};

// Makes identifiers for callers that did not bring their own.
class IdGenerator {
 public:
  virtual ~IdGenerator() = default;

  // A text that is a valid identifier and unique for all practical purposes (128 random bits or
  // better).
  virtual std::string next() = 0;
};

}  // namespace outboxd::domain
