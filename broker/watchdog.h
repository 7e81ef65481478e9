// Tells the service manager that the broker still does its work.
#pragma once

#include <cstdint>

#include "broker/broker.h"

namespace outboxd::broker {

// check() pings only when the router thread answers and the disk moves: a commit thread that has
// hung on the same write since the last check gets the process restarted. Owner's thread.
class Watchdog {
 public:
  explicit Watchdog(Broker& broker) : broker_(broker) {}

  void check();

 private:
  Broker& broker_;
  std::uint64_t groups_seen_ = 0;
};

}  // namespace outboxd::broker
