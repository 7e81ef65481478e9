// A reservation as data: what is stored, shown and sent. Its rules are in domain/reservation.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/clock.h"
#include "domain/ids.h"
#include "domain/wallet_snapshot.h"

namespace outboxd::domain {

enum class ReservationStatus : std::uint8_t {
  kHeld = 0,
  kPaid = 1,
  kCancelled = 2,
  kExpired = 3,
};

// The status's name on the wire, such as "HELD".
std::string_view name_of(ReservationStatus status);

// The status called `name`, or a bad_request for the argument "status".
Result<ReservationStatus> parse_reservation_status(std::string_view name);

struct ReservationSnapshot {
  ReservationId reservation_id;
  UserId user_id;
  ItemId item_id;
  Points price_points = 0;
  ReservationStatus status = ReservationStatus::kHeld;
  std::optional<std::int64_t> hold_ttl_ms;  // as it was asked for; nothing: the configured one
  std::int64_t expires_elapsed_ms = 0;      // the elapsed time at which the hold is over
  TimestampMs held_until_ms = 0;            // the same for people, by the wall clock of the hold
  std::optional<TimestampMs> paid_at_ms;
  TimestampMs created_at_ms = 0;
  TimestampMs updated_at_ms = 0;
  std::string failure;       // the reason of a cancellation; empty: none was given
  std::string token_digest;  // of the token that it was paid with; empty: it is not PAID
  Seq held_seq = 0;          // outbox sequence number of reservation.held
  Seq settled_seq = 0;       // of the event that took it out of HELD, or 0

  friend bool operator==(const ReservationSnapshot&, const ReservationSnapshot&) = default;
};

}  // namespace outboxd::domain
