#include "domain/reservation.h"

#include <array>

#include "domain/status_names.h"
#include "domain/text.h"
#include "domain/time_format.h"

namespace outboxd::domain {
namespace {

constexpr std::array kReservationStatusNames = {
    StatusName{ReservationStatus::kHeld, "HELD"},
    StatusName{ReservationStatus::kPaid, "PAID"},
    StatusName{ReservationStatus::kCancelled, "CANCELLED"},
    StatusName{ReservationStatus::kExpired, "EXPIRED"},
};

}  // namespace

std::string_view name_of(ReservationStatus status) {
  return name_in(kReservationStatusNames, status);
}

Result<ReservationStatus> parse_reservation_status(std::string_view name) {
  if (const auto status = status_in(kReservationStatusNames, name)) return *status;
  return bad_request("status", "status must be HELD, PAID, CANCELLED or EXPIRED");
}

Result<Reservation> Reservation::hold(NewReservation request, std::int64_t default_ttl_ms,
                                      const Moment& now) {
  if (request.price_points < 1) {
    return bad_request("price_points", "price_points must be at least 1, not " +
                                           std::to_string(request.price_points));
  }
  const std::int64_t ttl_ms = request.ttl_ms.value_or(default_ttl_ms);
  if (ttl_ms < 1 || ttl_ms > kMaxHoldTtlMs) {
    return bad_request("ttl_ms", "ttl_ms must be 1 to " + std::to_string(kMaxHoldTtlMs) + ", not " +
                                     std::to_string(ttl_ms));
  }
  Reservation reservation(ReservationSnapshot{.reservation_id = std::move(request.reservation_id),
                                              .user_id = std::move(request.user_id),
                                              .item_id = std::move(request.item_id),
                                              .price_points = request.price_points,
                                              .status = ReservationStatus::kHeld,
                                              .hold_ttl_ms = request.ttl_ms,
                                              .expires_elapsed_ms = now.elapsed_ms + ttl_ms,
                                              .held_until_ms = now.wall_ms + ttl_ms,
                                              .paid_at_ms = std::nullopt,
                                              .created_at_ms = now.wall_ms,
                                              .updated_at_ms = now.wall_ms,
                                              .failure = {},
                                              .token_digest = {}});
  reservation.record("reservation.held");
  return reservation;
}

bool Reservation::was_held_from(const NewReservation& request) const {
  return snapshot_.reservation_id == request.reservation_id &&
         snapshot_.user_id == request.user_id && snapshot_.item_id == request.item_id &&
         snapshot_.price_points == request.price_points && snapshot_.hold_ttl_ms == request.ttl_ms;
}

bool Reservation::hold_is_over(std::int64_t elapsed_ms) const {
  return elapsed_ms >= snapshot_.expires_elapsed_ms;
}

Status Reservation::pay(std::string token_digest, const Moment& now) {
  OUTBOXD_CHECK(!token_digest.empty());
  OUTBOXD_TRY(require_held(ReservationStatus::kPaid));
  if (hold_is_over(now.elapsed_ms)) {
    return refused("was held until " + rfc3339(snapshot_.held_until_ms) +
                   ", and that is over; hold the item again");
  }
  snapshot_.token_digest = std::move(token_digest);
  snapshot_.paid_at_ms = now.wall_ms;
  settle(ReservationStatus::kPaid, now, "reservation.paid");
  return ok_status();
}

Status Reservation::cancel(std::string reason, const Moment& now) {
  OUTBOXD_TRY(check_text(reason, "reason", 0, kMaxCancelReasonBytes));
  OUTBOXD_TRY(require_held(ReservationStatus::kCancelled));
  snapshot_.failure = std::move(reason);
  settle(ReservationStatus::kCancelled, now, "reservation.cancelled");
  return ok_status();
}

Status Reservation::expire(const Moment& now) {
  OUTBOXD_TRY(require_held(ReservationStatus::kExpired));
  if (!hold_is_over(now.elapsed_ms)) {
    return refused("is HELD for another " +
                   std::to_string(snapshot_.expires_elapsed_ms - now.elapsed_ms) + " ms");
  }
  settle(ReservationStatus::kExpired, now, "reservation.expired");
  return ok_status();
}

void Reservation::note_published(Seq seq) {
  (snapshot_.status == ReservationStatus::kHeld ? snapshot_.held_seq : snapshot_.settled_seq) = seq;
}

Status Reservation::require_held(ReservationStatus wanted) const {
  if (snapshot_.status == ReservationStatus::kHeld) return ok_status();
  return refused("is " + std::string(name_of(snapshot_.status)) +
                 "; only one that is HELD can become " + std::string(name_of(wanted)));
}

void Reservation::settle(ReservationStatus status, const Moment& now, std::string_view event_type) {
  snapshot_.status = status;
  snapshot_.updated_at_ms = now.wall_ms;
  record(event_type);
}

Error Reservation::refused(const std::string& state) const {
  return {.code = ErrorCode::kInvalidState,
          .message = "reservation " + snapshot_.reservation_id.text() + " " + state,
          .argument = "reservation_id"};
}

// Points are gone once the reservation is PAID, so its event may not die of old age on the way to
// the books, however long those are away; and its elders of the same key must not either, or they
// would fill the dead letters of an outage.
void Reservation::record(std::string_view type) {
  events_.record(DomainEvent{.topic = std::string(kReservationsTopic),
                             .key = snapshot_.reservation_id.text(),
                             .type = std::string(type),
                             .time_ms = snapshot_.updated_at_ms,
                             .ttl_ms = kNeverExpires,
                             .traceparent = {},
                             .payload = snapshot_});
}

}  // namespace outboxd::domain
