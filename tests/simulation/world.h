// What all who act in a simulation share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "broker/groups/consumer_group.h"
#include "broker/groups/retry_policy.h"
#include "domain/clock.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/network.h"
#include "tests/simulation/planted_bug.h"
#include "tests/simulation/random.h"
#include "tests/simulation/witness.h"

namespace outboxd::simulation {

// One for the whole world; its wall time jumps about, which nobody may mind.
class WorldClock final : public domain::Clock {
 public:
  [[nodiscard]] domain::TimestampMs wall_ms() const override { return wall_ms_; }
  [[nodiscard]] std::int64_t monotonic_ms() const override { return now_ms_; }

  void advance_ms(std::int64_t ms) {
    now_ms_ += ms;
    wall_ms_ += ms;
  }
  void set_wall_ms(domain::TimestampMs wall_ms) { wall_ms_ = wall_ms; }

 private:
  std::int64_t now_ms_ = 1'000;
  domain::TimestampMs wall_ms_ = 1'700'000'000'000;
};

// The id of a box's store.
inline std::string store_id_of(std::size_t box) {
  return "of the " + std::string(kBoxNames.at(box));
}

struct World {
  Random& random;
  const Faults& faults;
  WorldClock& clock;
  Network& network;
  Witness& witness;
  const broker::RetryPolicy policy;  // of orders and notes
  const broker::GroupLimits limits;
  const PlantedBug bug;

  // What the office has decided is told for as long as it takes.
  [[nodiscard]] broker::RetryPolicy policy_of(std::string_view topic) const {
    broker::RetryPolicy its = policy;
    if (topic == kPayments) its.message_ttl_ms.reset();
    return its;
  }

  [[nodiscard]] std::int64_t now_ms() const { return clock.monotonic_ms(); }
};

}  // namespace outboxd::simulation
