// Tells the service manager that the broker still does its work.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "broker/broker.h"
#include "domain/clock.h"

namespace outboxd::broker {

// Pings twice in the interval that the service manager asks for, but only when the router thread
// answers and the disk moves: a commit thread that hangs on the same write from one look to the
// next gets the process restarted. Owner's thread.
class Watchdog {
 public:
  // Both must outlive it. Without an interval nobody waits for pings.
  Watchdog(Broker& broker, const domain::Clock& clock,
           std::optional<std::chrono::milliseconds> interval);

  // To be called every second or so.
  void check();

 private:
  Broker& broker_;
  const domain::Clock& clock_;
  const std::optional<std::int64_t> period_ms_;
  std::int64_t looked_at_ms_;
  std::uint64_t groups_seen_ = 0;
};

}  // namespace outboxd::broker
