// The reservation aggregate: one item, held for one user for a while, and sold for points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "domain/event.h"
#include "domain/reservation_snapshot.h"
#include "domain/result.h"

namespace outboxd::domain {

inline constexpr std::string_view kReservationsTopic = "reservations";

// Longest hold: a week. It bounds what an item can be kept from everybody else by mistake.
inline constexpr std::int64_t kMaxHoldTtlMs = std::int64_t{7} * 24 * 3600 * 1000;
inline constexpr std::size_t kMaxCancelReasonBytes = 256;

// What a caller asks for. `reservation_id` is the caller's, or freshly generated.
struct NewReservation {
  ReservationId reservation_id;
  UserId user_id;
  ItemId item_id;
  Points price_points = 0;
  std::optional<std::int64_t> ttl_ms;  // nothing: the configured one
};

// A reservation with its rules. Status changes: HELD -> PAID | CANCELLED | EXPIRED, all final.
// Records an event for every change. That an item has one live hold is the business of
// ReservationRepository::holder_of. Not thread-safe; lives for one use case.
class Reservation {
 public:
  // A new reservation in HELD, with `reservation.held` recorded. Errors: bad_request naming the
  // argument, when the price is not positive, or the time to live not 1 to kMaxHoldTtlMs.
  static Result<Reservation> hold(NewReservation request, std::int64_t default_ttl_ms,
                                  const Moment& now);

  // The reservation that a repository returned.
  explicit Reservation(ReservationSnapshot stored) : snapshot_(std::move(stored)) {}

  // True if `request` asks for exactly what this reservation was made from (G4).
  [[nodiscard]] bool was_held_from(const NewReservation& request) const;

  // True when the hold's time is over, whether that was noted yet or not.
  [[nodiscard]] bool hold_is_over(std::int64_t elapsed_ms) const;

  // HELD -> PAID, with `reservation.paid` recorded. `token_digest` is not empty. Error:
  // invalid_state, also when the hold is over; nothing changes then.
  Status pay(std::string token_digest, const Moment& now);

  // HELD -> CANCELLED, with `reservation.cancelled` recorded. `reason` may be empty. Errors:
  // invalid_state; bad_request when `reason` is too long or not UTF-8. Nothing changes then. A hold
  // that is over may be cancelled until its expiry was noted.
  Status cancel(std::string reason, const Moment& now);

  // HELD -> EXPIRED, with `reservation.expired` recorded. Error: invalid_state, also while the hold
  // lasts; nothing changes then.
  Status expire(const Moment& now);

  [[nodiscard]] const ReservationSnapshot& snapshot() const { return snapshot_; }

  // Tells the reservation the sequence number that its last recorded event was given.
  void note_published(Seq seq);

  [[nodiscard]] EventArchive& events() { return events_; }

 private:
  Status require_held(ReservationStatus wanted) const;
  void settle(ReservationStatus status, const Moment& now, std::string_view event_type);
  [[nodiscard]] Error refused(const std::string& state) const;
  void record(std::string_view type);

  ReservationSnapshot snapshot_;
  EventArchive events_;
};

}  // namespace outboxd::domain
