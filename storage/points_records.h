// Wallets, deposits, deductions, reservations, claims and holds as bytes. FORMAT.md has the
// grammar; storage/records.h says what holds for every record.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "domain/reservation_snapshot.h"
#include "domain/result.h"
#include "domain/store.h"
#include "domain/wallet_snapshot.h"

namespace outboxd::storage {

// Encoders replace the contents of `out`, whose capacity is reused.

// [deposited, paid]
void encode(const domain::WalletSnapshot& wallet, std::string& out);

// [user_id, points, created_at_ms]
void encode(const domain::DepositRecord& deposit, std::string& out);
void encode(const domain::DeductionRecord& deduction, std::string& out);

// [user_id, item_id, price_points, status, hold_ttl_ms | nil, expires_elapsed_ms, held_until_ms,
//  paid_at_ms | nil, created_at_ms, updated_at_ms, failure, token_digest, held_seq, settled_seq]
void encode(const domain::ReservationSnapshot& reservation, std::string& out);

// [reservation_id]: the claim on an item
void encode_claim(const domain::ReservationId& holder, std::string& out);

// []: a live hold; its key says it all
void encode_hold(std::string& out);

domain::Result<domain::WalletSnapshot> decode_wallet(std::string_view id, std::string_view bytes);
domain::Result<domain::DepositRecord> decode_deposit(std::string_view id, std::string_view bytes);
domain::Result<domain::DeductionRecord> decode_deduction(std::string_view id,
                                                         std::string_view bytes);
domain::Result<domain::ReservationSnapshot> decode_reservation(std::string_view id,
                                                               std::string_view bytes);
domain::Result<domain::ReservationId> decode_claim(std::string_view item_id,
                                                   std::string_view bytes);

// `name` is what stands in the key behind the letter: expires_elapsed_ms:u64be reservation_id.
domain::Result<domain::LiveHold> decode_hold(std::string_view name);

}  // namespace outboxd::storage
