#include "daemon/services/reservation_service.h"

#include <optional>
#include <utility>
#include <vector>

#include "domain/time_format.h"
#include "domain/wallet.h"

namespace outboxd::daemon {
namespace {

using domain::Error;
using domain::ErrorCode;
using domain::Reservation;
using domain::ReservationSnapshot;
using domain::ReservationStatus;
using domain::Result;
using domain::Status;

ReservationOutcome found_again(ReservationSnapshot reservation, domain::Seq seq) {
  return {std::move(reservation), true, seq};
}

}  // namespace

Result<ReservationOutcome> ReservationService::hold(domain::NewReservation request,
                                                    domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(std::optional<ReservationSnapshot> known,
                           work.reservations().find(request.reservation_id));
  if (known) {
    if (!Reservation(*known).was_held_from(request)) {
      return Error{ErrorCode::kIdConflict,
                   "reservation " + request.reservation_id.text() + " exists with other content",
                   "reservation_id"};
    }
    const domain::Seq seq = known->held_seq;
    return found_again(std::move(*known), seq);
  }
  const domain::ItemId item_id = request.item_id;
  OUTBOXD_ASSIGN_OR_RETURN(Reservation reservation,
                           Reservation::hold(std::move(request), parts_.hold_ttl_ms, now()));
  OUTBOXD_TRY(free_item(item_id, work));
  return save(std::move(reservation), work);
}

// The item is free, or its hold is over and expires now.
Status ReservationService::free_item(const domain::ItemId& id, domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(const std::optional<domain::ReservationId> holder,
                           work.reservations().holder_of(id));
  if (!holder) return domain::ok_status();
  OUTBOXD_ASSIGN_OR_RETURN(ReservationSnapshot other, get(*holder, work));
  if (other.status == ReservationStatus::kPaid) {
    return Error{ErrorCode::kInvalidState, "item " + id.text() + " is sold", "item_id"};
  }
  const std::int64_t held_until_ms = other.held_until_ms;
  Reservation held(std::move(other));
  if (!held.hold_is_over(parts_.elapsed.elapsed_ms())) {
    return Error{ErrorCode::kInvalidState,
                 "item " + id.text() + " is held until " + domain::rfc3339(held_until_ms),
                 "item_id"};
  }
  OUTBOXD_TRY(held.expire(now()));
  OUTBOXD_TRY(save(std::move(held), work));
  return domain::ok_status();
}

Result<ReservationSnapshot> ReservationService::get(const domain::ReservationId& id,
                                                    domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(std::optional<ReservationSnapshot> reservation,
                           work.reservations().find(id));
  if (reservation) return std::move(*reservation);
  return Error{ErrorCode::kNotFound, "there is no reservation " + id.text(), "reservation_id"};
}

Result<ReservationOutcome> ReservationService::pay(const ReservationPayment& request,
                                                   domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(ReservationSnapshot known, get(request.reservation_id, work));
  if (known.user_id != request.user_id) {
    return Error{ErrorCode::kPermissionDenied,
                 "reservation " + request.reservation_id.text() + " is not of user " +
                     request.user_id.text(),
                 "user_id"};
  }
  const std::string digest = domain::token_digest_of(request.token);
  if (known.status == ReservationStatus::kPaid && known.token_digest == digest) {
    const domain::Seq seq = known.settled_seq;
    return found_again(std::move(known), seq);
  }
  Reservation reservation(std::move(known));
  OUTBOXD_TRY(reservation.pay(digest, now()));  // in memory: everything is looked at before a write
  const std::int64_t now_ms = parts_.clock.monotonic_ms();
  OUTBOXD_TRY(parts_.tokens.check(request.user_id, digest, now_ms));
  OUTBOXD_TRY(deduct(reservation.snapshot(), work));
  OUTBOXD_ASSIGN_OR_RETURN(ReservationOutcome outcome, save(std::move(reservation), work));
  // Last, for from here on nothing is refused: another payment on its way cannot use it, too.
  OUTBOXD_TRY(parts_.tokens.use(request.user_id, digest, now_ms));
  return outcome;
}

Status ReservationService::deduct(const ReservationSnapshot& reservation,
                                  domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(std::optional<domain::WalletSnapshot> known,
                           work.wallets().find(reservation.user_id));
  domain::Wallet wallet =
      known ? domain::Wallet(std::move(*known)) : domain::Wallet::empty(reservation.user_id);
  OUTBOXD_TRY(wallet.deduct(reservation.price_points));
  work.wallets().put(wallet.snapshot());
  work.wallets().put_deduction({.reservation_id = reservation.reservation_id,
                                .user_id = reservation.user_id,
                                .points = reservation.price_points,
                                .created_at_ms = reservation.updated_at_ms});
  return domain::ok_status();
}

Result<ReservationOutcome> ReservationService::cancel(const domain::ReservationId& id,
                                                      std::string reason,
                                                      domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(ReservationSnapshot known, get(id, work));
  if (known.status == ReservationStatus::kCancelled) {
    if (known.failure != reason) {
      return Error{ErrorCode::kIdConflict,
                   "reservation " + id.text() + " was cancelled for another reason: \"" +
                       known.failure + "\"",
                   "reason"};
    }
    const domain::Seq seq = known.settled_seq;
    return found_again(std::move(known), seq);
  }
  Reservation reservation(std::move(known));
  OUTBOXD_TRY(reservation.cancel(std::move(reason), now()));
  return save(std::move(reservation), work);
}

Status ReservationService::expire(const domain::ReservationId& id, domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(ReservationSnapshot known, get(id, work));
  Reservation reservation(std::move(known));
  OUTBOXD_TRY(reservation.expire(now()));
  OUTBOXD_TRY(save(std::move(reservation), work));
  return domain::ok_status();
}

Result<ReservationOutcome> ReservationService::save(Reservation reservation,
                                                    domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(const std::vector<domain::Seq> seqs,
                           parts_.publisher.publish(reservation.events().take(), work));
  const domain::Seq seq = seqs.empty() ? 0 : seqs.back();
  reservation.note_published(seq);
  OUTBOXD_TRY(work.reservations().put(reservation.snapshot()));
  return ReservationOutcome{reservation.snapshot(), false, seq};
}

}  // namespace outboxd::daemon
