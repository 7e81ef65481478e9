#include "storage/points_records.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "storage/families.h"
#include "storage/record_fields.h"

namespace outboxd::storage {

using domain::Result;

namespace {

void pack_optional(Packer& packer, const std::optional<std::int64_t>& number) {
  if (number) {
    packer.pack_int64(*number);
  } else {
    packer.pack_nil();
  }
}

std::optional<std::int64_t> read_optional(Fields& fields) {
  if (fields.nil()) return std::nullopt;
  return fields.integer();
}

domain::Points read_positive(Fields& fields) {
  const domain::Points points = fields.integer();
  if (points < 1) throw BadField{};
  return points;
}

domain::WalletSnapshot read_wallet(std::string_view id, Fields& fields) {
  domain::WalletSnapshot wallet{.user_id = read_id<domain::UserId>(id)};
  wallet.deposited = fields.integer();
  wallet.paid = fields.integer();
  if (wallet.paid < 0 || wallet.deposited < wallet.paid) throw BadField{};
  return wallet;
}

// A status and what goes with it: a reservation has been paid when, and with what, exactly if it is
// PAID.
domain::ReservationSnapshot read_reservation(std::string_view id, Fields& fields) {
  auto user_id = read_id<domain::UserId>(fields.text());
  auto item_id = read_id<domain::ItemId>(fields.text());
  domain::ReservationSnapshot reservation{.reservation_id = read_id<domain::ReservationId>(id),
                                          .user_id = std::move(user_id),
                                          .item_id = std::move(item_id)};
  reservation.price_points = read_positive(fields);
  const std::uint64_t status = fields.number();
  if (status > static_cast<std::uint64_t>(domain::ReservationStatus::kExpired)) throw BadField{};
  reservation.status = static_cast<domain::ReservationStatus>(status);
  reservation.hold_ttl_ms = read_optional(fields);
  reservation.expires_elapsed_ms = read_elapsed(fields);
  reservation.held_until_ms = fields.integer();
  reservation.paid_at_ms = read_optional(fields);
  reservation.created_at_ms = fields.integer();
  reservation.updated_at_ms = fields.integer();
  reservation.failure = fields.text();
  reservation.token_digest = fields.bytes();
  reservation.held_seq = fields.number();
  reservation.settled_seq = fields.number();
  const bool is_paid = reservation.status == domain::ReservationStatus::kPaid;
  if (reservation.paid_at_ms.has_value() != is_paid) throw BadField{};
  if (reservation.token_digest.empty() == is_paid) throw BadField{};
  return reservation;
}

template <typename Record>
void encode_points(const Record& record, std::string& out) {
  encode_record(out, 3, [&](Packer& packer) {
    pack_text(packer, record.user_id.text());
    packer.pack_int64(record.points);
    packer.pack_int64(record.created_at_ms);
  });
}

// Runs `read` on the fields of `bytes`, and returns what it makes of them.
template <typename Record, typename Read>
Result<Record> decode(std::string_view kind, std::string_view name, std::string_view bytes,
                      Read read) {
  std::optional<Record> record;
  if (!decode_record(bytes, [&](Fields& fields) { record = read(fields); })) {
    return undecodable(kind, name);
  }
  return *std::move(record);
}

}  // namespace

void encode(const domain::WalletSnapshot& wallet, std::string& out) {
  encode_record(out, 2, [&](Packer& packer) {
    packer.pack_int64(wallet.deposited);
    packer.pack_int64(wallet.paid);
  });
}

void encode(const domain::DepositRecord& deposit, std::string& out) {
  encode_points(deposit, out);
}

void encode(const domain::DeductionRecord& deduction, std::string& out) {
  encode_points(deduction, out);
}

void encode(const domain::ReservationSnapshot& reservation, std::string& out) {
  encode_record(out, 14, [&](Packer& packer) {
    pack_text(packer, reservation.user_id.text());
    pack_text(packer, reservation.item_id.text());
    packer.pack_int64(reservation.price_points);
    packer.pack_uint8(static_cast<std::uint8_t>(reservation.status));
    pack_optional(packer, reservation.hold_ttl_ms);
    packer.pack_int64(reservation.expires_elapsed_ms);
    packer.pack_int64(reservation.held_until_ms);
    pack_optional(packer, reservation.paid_at_ms);
    packer.pack_int64(reservation.created_at_ms);
    packer.pack_int64(reservation.updated_at_ms);
    pack_text(packer, reservation.failure);
    pack_bytes(packer, reservation.token_digest);
    packer.pack_uint64(reservation.held_seq);
    packer.pack_uint64(reservation.settled_seq);
  });
}

void encode_claim(const domain::ReservationId& holder, std::string& out) {
  encode_record(out, 1, [&](Packer& packer) { pack_text(packer, holder.text()); });
}

void encode_hold(std::string& out) {
  encode_record(out, 0, [](Packer&) {});
}

Result<domain::WalletSnapshot> decode_wallet(std::string_view id, std::string_view bytes) {
  return decode<domain::WalletSnapshot>("wallet", id, bytes,
                                        [&](Fields& fields) { return read_wallet(id, fields); });
}

Result<domain::DepositRecord> decode_deposit(std::string_view id, std::string_view bytes) {
  return decode<domain::DepositRecord>("deposit", id, bytes, [&](Fields& fields) {
    auto user_id = read_id<domain::UserId>(fields.text());
    const domain::Points points = read_positive(fields);
    return domain::DepositRecord{read_id<domain::DepositId>(id), std::move(user_id), points,
                                 fields.integer()};
  });
}

Result<domain::DeductionRecord> decode_deduction(std::string_view id, std::string_view bytes) {
  return decode<domain::DeductionRecord>("deduction", id, bytes, [&](Fields& fields) {
    auto user_id = read_id<domain::UserId>(fields.text());
    const domain::Points points = read_positive(fields);
    return domain::DeductionRecord{read_id<domain::ReservationId>(id), std::move(user_id), points,
                                   fields.integer()};
  });
}

Result<domain::ReservationSnapshot> decode_reservation(std::string_view id,
                                                       std::string_view bytes) {
  return decode<domain::ReservationSnapshot>(
      "reservation", id, bytes, [&](Fields& fields) { return read_reservation(id, fields); });
}

Result<domain::ReservationId> decode_claim(std::string_view item_id, std::string_view bytes) {
  return decode<domain::ReservationId>("claim on item", item_id, bytes, [](Fields& fields) {
    return read_id<domain::ReservationId>(fields.text());
  });
}

Result<domain::LiveHold> decode_hold(std::string_view name) {
  constexpr std::size_t kDeadlineBytes = 8;
  const std::uint64_t deadline_ms = seq_of_key(name.substr(0, kDeadlineBytes));
  auto id = domain::ReservationId::parse(name.substr(std::min(name.size(), kDeadlineBytes)));
  if (!id || deadline_ms > INT64_MAX) return undecodable("hold", name);
  return domain::LiveHold{static_cast<std::int64_t>(deadline_ms), std::move(id).value()};
}

}  // namespace outboxd::storage
