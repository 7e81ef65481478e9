// Holds whose time is over.
#pragma once

#include <cstddef>
#include <cstdint>

#include "daemon/group_commit.h"
#include "daemon/services/reservation_service.h"
#include "domain/clock.h"
#include "domain/store.h"

namespace outboxd::daemon {

struct HoldExpiryParts {
  GroupCommit& commits;
  domain::DurableReader& reader;
  ReservationService& reservations;
  const domain::ElapsedTime& elapsed;
};

// Ends holds by elapsed time, so neither a clock that jumps nor time without power ends any. The
// store keeps live holds in the order of their end, so one step reads those that are due and one
// more. Nobody depends on it being punctual: who pays, and who wants the item, looks at the time.
// Core thread only; the parts outlive it.
class HoldExpiry {
 public:
  explicit HoldExpiry(HoldExpiryParts parts, std::size_t max_per_step = 512)
      : parts_(parts), max_per_step_(max_per_step) {}

  // Ends a bounded number of holds. True when there are more to end at once.
  bool step();

  // A hold that ends then is durable. It may end before all that are known.
  void note_held(std::int64_t expires_elapsed_ms);

  // True when a hold may end one day, as of the last step: elapsed time has to be kept.
  [[nodiscard]] bool is_waiting() const { return is_waiting_; }

 private:
  bool expire(const domain::LiveHold& hold);

  const HoldExpiryParts parts_;
  const std::size_t max_per_step_;
  std::int64_t from_ms_ = 0;  // no live hold ends earlier
  bool is_waiting_ = false;
};

}  // namespace outboxd::daemon
