// A wallet of points as data, and the records that it is the sum of. Its rules are in
// domain/wallet.h.
#pragma once

#include <cstdint>

#include "domain/clock.h"
#include "domain/ids.h"

namespace outboxd::domain {

// Points are whole; they stand for whatever the box's owner gives for them.
using Points = std::int64_t;

// What a user has is not kept but computed, so that it cannot disagree with what came and went.
struct WalletSnapshot {
  UserId user_id;
  Points deposited = 0;  // the sum of all DepositRecords of the user
  Points paid = 0;       // the sum of all DeductionRecords of the user; never above `deposited`

  [[nodiscard]] Points points() const { return deposited - paid; }

  friend bool operator==(const WalletSnapshot&, const WalletSnapshot&) = default;
};

// Points that came in. It is also the record by which a repeated deposit is known again (G4).
struct DepositRecord {
  DepositId deposit_id;
  UserId user_id;
  Points points = 0;
  TimestampMs created_at_ms = 0;

  friend bool operator==(const DepositRecord&, const DepositRecord&) = default;
};

// Points that a reservation was paid with; there is one for every reservation that is PAID.
struct DeductionRecord {
  ReservationId reservation_id;
  UserId user_id;
  Points points = 0;
  TimestampMs created_at_ms = 0;

  friend bool operator==(const DeductionRecord&, const DeductionRecord&) = default;
};

}  // namespace outboxd::domain
