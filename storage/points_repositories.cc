#include "storage/points_repositories.h"

#include <string_view>
#include <utility>

#include "storage/families.h"
#include "storage/points_records.h"

namespace outboxd::storage {

using domain::ReservationStatus;
using domain::Result;
using domain::Status;

namespace {

// The record under `key`, by `decode`, or nothing.
template <typename Record, typename Decode>
Result<std::optional<Record>> find_record(GroupBuilder& group, char prefix, const std::string& id,
                                          Decode decode) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto value, group.get(Family::kState, state_key(prefix, id)));
  if (!value) return std::optional<Record>();
  OUTBOXD_ASSIGN_OR_RETURN(Record record, decode(id, *value));
  return std::optional(std::move(record));
}

}  // namespace

Result<std::optional<domain::WalletSnapshot>> Wallets::find(const domain::UserId& id) {
  return find_record<domain::WalletSnapshot>(group_, kWalletPrefix, id.text(), decode_wallet);
}

void Wallets::put(const domain::WalletSnapshot& wallet) {
  OUTBOXD_CHECK(0 <= wallet.paid && wallet.paid <= wallet.deposited);
  encode(wallet, encoded_);
  group_.put(Family::kState, state_key(kWalletPrefix, wallet.user_id.text()), encoded_);
}

Result<std::optional<domain::DepositRecord>> Wallets::find_deposit(const domain::DepositId& id) {
  return find_record<domain::DepositRecord>(group_, kDepositPrefix, id.text(), decode_deposit);
}

void Wallets::put_deposit(const domain::DepositRecord& deposit) {
  encode(deposit, encoded_);
  group_.put(Family::kState, state_key(kDepositPrefix, deposit.deposit_id.text()), encoded_);
}

Result<std::optional<domain::DeductionRecord>> Wallets::find_deduction(
    const domain::ReservationId& id) {
  return find_record<domain::DeductionRecord>(group_, kDeductionPrefix, id.text(),
                                              decode_deduction);
}

void Wallets::put_deduction(const domain::DeductionRecord& deduction) {
  encode(deduction, encoded_);
  group_.put(Family::kState, state_key(kDeductionPrefix, deduction.reservation_id.text()),
             encoded_);
}

Result<std::optional<domain::ReservationSnapshot>> Reservations::find(
    const domain::ReservationId& id) {
  return find_record<domain::ReservationSnapshot>(group_, kReservationPrefix, id.text(),
                                                  decode_reservation);
}

Result<std::optional<domain::ReservationId>> Reservations::holder_of(const domain::ItemId& id) {
  return find_record<domain::ReservationId>(group_, kClaimPrefix, id.text(), decode_claim);
}

Status Reservations::put(const domain::ReservationSnapshot& reservation) {
  OUTBOXD_TRY(keep_claim(reservation));
  const std::string& id = reservation.reservation_id.text();
  const std::string hold = hold_key(reservation.expires_elapsed_ms, id);
  if (reservation.status == ReservationStatus::kHeld) {
    encode_hold(encoded_);
    group_.put(Family::kState, hold, encoded_);
  } else {
    group_.remove(Family::kState, hold);
  }
  encode(reservation, encoded_);
  group_.put(Family::kState, state_key(kReservationPrefix, id), encoded_);
  return domain::ok_status();
}

// A sale keeps the claim that its hold made, so it costs no look and no write.
Status Reservations::keep_claim(const domain::ReservationSnapshot& reservation) {
  if (reservation.status == ReservationStatus::kPaid) return domain::ok_status();
  OUTBOXD_ASSIGN_OR_RETURN(const auto holder, holder_of(reservation.item_id));
  const bool is_ours = holder == reservation.reservation_id;
  const std::string key = state_key(kClaimPrefix, reservation.item_id.text());
  if (reservation.status == ReservationStatus::kHeld) {
    OUTBOXD_CHECK(is_ours || !holder);
    encode_claim(reservation.reservation_id, encoded_);
    if (!is_ours) group_.put(Family::kState, key, encoded_);
  } else if (is_ours) {
    group_.remove(Family::kState, key);
  }
  return domain::ok_status();
}

}  // namespace outboxd::storage
