// The values of the store as bytes. FORMAT.md has the grammar of all of it.
//
//   record := version:u8 = 1, then one MessagePack array
//
// Fields are only ever appended: a decoder takes what it knows and passes over the rest, so an
// older program reads what a newer one wrote. A changed meaning takes a new version byte, and an
// unknown version is refused. Decoders read into fresh objects and give an internal error that
// names the record for anything else than what an encoder here makes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/order_snapshot.h"
#include "domain/outbox_entry.h"
#include "domain/payment_snapshot.h"
#include "domain/result.h"
#include "domain/store.h"
#include "domain/unit_of_work.h"

namespace outboxd::storage {

// [last_seq, revision, dead, elapsed_ms]: one per group.
struct HeadRecord {
  domain::Seq last_seq = 0;     // given to the newest event
  std::uint64_t revision = 0;   // of the newest unit of work that took one
  std::uint64_t dead = 0;       // how many dead letters there are
  std::int64_t elapsed_ms = 0;  // for how long the installation had been running

  friend bool operator==(const HeadRecord&, const HeadRecord&) = default;
};

// Encoders replace the contents of `out`, whose capacity is reused.
void encode(const HeadRecord& head, std::string& out);
void encode_number(std::uint64_t number, std::string& out);  // [number]
void encode_text(std::string_view text, std::string& out);   // [text]
void encode_ranges(const std::vector<domain::SeqRange>& ranges,
                   std::string& out);  // [first, last]*

// [customer_id, status, currency, total, [[sku, quantity, unit_price, description]*],
//  payment_method, payment_id | nil, failure, created_at_ms, updated_at_ms, created_seq,
//  settled_seq, refund]
void encode(const domain::OrderSnapshot& order, std::string& out);

// [order_id, source, amount, currency, payment_method, status, attempts, failure, failure_detail,
//  gateway_reference, created_at_ms, updated_at_ms, decided_seq, refunded_seq], of a reservation
// [nil, source, points, nil, reservation_id, status, ...]
void encode(const domain::PaymentSnapshot& payment, std::string& out);

// [version, bytes]
void encode(const domain::StateValue& value, std::string& out);

// What stands at a position of the outbox.
enum class OutboxKind : std::uint8_t {
  kEntry,
  kWithdrawn,   // its entry was buried: nothing but the chain is left of it
  kSubstitute,  // for a lost entry: the next one need not follow from its chain
};

// [time_ms, ttl_ms | nil, topic, envelope, elapsed_ms, chain], and the kind when it is no kEntry
void encode(const domain::OutboxEntry& entry, std::string& out,
            OutboxKind kind = OutboxKind::kEntry);

// Where `entry` stood: the record of its position without topic and envelope.
void encode_withdrawn(const domain::OutboxEntry& entry, std::string& out);

// [seq, chain]: the watermark.
struct CompletedRecord {
  domain::Seq seq = 0;
  std::uint64_t chain = 0;
};
void encode(const CompletedRecord& completed, std::string& out);

// [time_ms, digest, outcome]
void encode(const domain::RequestRecord& record, std::string& out);

// [time_ms, ttl_ms | nil, topic, envelope, died_at_ms, reason, elapsed_ms, chain]
void encode(const domain::DeadEntry& dead, std::string& out);

// []: a dead letter was here, and was removed while entries before it were incomplete. Without it
// the number would look lost where no withdrawn position stands for it.
void encode_removed_letter(std::string& out);
bool is_removed_letter(std::string_view bytes);

domain::Result<HeadRecord> decode_head(std::string_view bytes);
domain::Result<CompletedRecord> decode_completed(std::string_view bytes);
domain::Result<std::uint64_t> decode_number(std::string_view bytes, std::string_view name);
domain::Result<std::string> decode_text(std::string_view bytes, std::string_view name);

// Ranges in ascending order that do not touch each other's numbers, none of them empty.
domain::Result<std::vector<domain::SeqRange>> decode_ranges(std::string_view bytes,
                                                            std::string_view name);
domain::Result<domain::OrderSnapshot> decode_order(std::string_view id, std::string_view bytes);
domain::Result<domain::PaymentSnapshot> decode_payment(std::string_view id, std::string_view bytes);
domain::Result<domain::StateValue> decode_state(std::string_view key, std::string_view bytes);
domain::Result<domain::RequestRecord> decode_request(std::string_view id, std::string_view bytes);

// These two are called for every entry of a backlog, so `out` is reused. It is unspecified after an
// error.
domain::Result<OutboxKind> decode_outbox(domain::Seq seq, std::string_view bytes,
                                         domain::OutboxEntry& out);
domain::Status decode_dead(domain::Seq seq, std::string_view bytes, domain::DeadEntry& out);

// Only the time of a request record, for the filter that removes old ones.
domain::Result<domain::TimestampMs> decode_request_time(std::string_view bytes);

}  // namespace outboxd::storage
