// What of the data cannot be read, and that nothing is built on top of that.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "domain/clock.h"
#include "domain/mutex.h"
#include "domain/result.h"

namespace outboxd::daemon {

// Damage is an error `damaged` of whoever reads the store: tables whose checksums are wrong,
// records that do not decode, events that are missing. From the first one on the daemon is damaged,
// until a start after a repair: it serves what can be read and refuses to write. Any thread.
class DamageWatch {
 public:
  struct Damage {
    domain::TimestampMs since_ms = 0;
    std::vector<std::string> problems;  // the first of them
  };

  // `clock` outlives it.
  explicit DamageWatch(const domain::Clock& clock) : clock_(clock) {}

  // Errors of other codes are passed over.
  void note(const domain::Error& error);

  // Returns `outcome`, noted.
  template <typename Outcome>
  Outcome noted(Outcome outcome) {
    if (!outcome.ok()) note(outcome.error());
    return outcome;
  }

  [[nodiscard]] bool is_damaged() const { return is_damaged_.load(std::memory_order_acquire); }
  [[nodiscard]] Damage damage() const;

  // damaged, unless there is none.
  [[nodiscard]] domain::Status admit_write() const;

 private:
  const domain::Clock& clock_;
  std::atomic<bool> is_damaged_ = false;
  mutable domain::Mutex mutex_;
  Damage damage_ OUTBOXD_GUARDED_BY(mutex_);
};

}  // namespace outboxd::daemon
