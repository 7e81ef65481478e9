#include "storage/records.h"

#include <optional>
#include <utility>

#include "storage/record_fields.h"

namespace outboxd::storage {

using domain::Result;
using domain::Status;

namespace {

void pack_entry(Packer& packer, const domain::OutboxEntry& entry) {
  packer.pack_int64(entry.time_ms);
  if (entry.ttl_ms) {
    packer.pack_int64(*entry.ttl_ms);
  } else {
    packer.pack_nil();
  }
  pack_text(packer, entry.topic);
  pack_bytes(packer, entry.envelope);
}

domain::OrderSnapshot read_order(std::string_view order_id, Fields& fields) {
  auto customer_id = read_id<domain::CustomerId>(fields.text());
  const std::uint64_t status = fields.number();
  if (status > static_cast<std::uint64_t>(domain::OrderStatus::kCancelled)) throw BadField{};
  auto currency = domain::Currency::parse(fields.text());
  if (!currency) throw BadField{};
  domain::OrderSnapshot order{.order_id = read_id<domain::OrderId>(order_id),
                              .customer_id = std::move(customer_id),
                              .status = static_cast<domain::OrderStatus>(status),
                              .currency = *currency};
  order.total = fields.integer();
  const msgpack::object& lines = fields.take();
  if (lines.type != msgpack::type::ARRAY) throw BadField{};
  order.lines.reserve(lines.via.array.size);
  for (std::uint32_t i = 0; i < lines.via.array.size; ++i) {
    Fields line(lines.via.array.ptr[i]);
    domain::OrderLine& read = order.lines.emplace_back();
    read.sku = line.text();
    read.quantity = line.integer();
    read.unit_price = line.integer();
    read.description = line.text();
  }
  order.payment_method = fields.text();
  if (!fields.nil()) order.payment_id = read_id<domain::PaymentId>(fields.text());
  order.failure = fields.text();
  order.created_at_ms = fields.integer();
  order.updated_at_ms = fields.integer();
  order.created_seq = fields.number();
  order.settled_seq = fields.number();
  if (!fields.more()) return order;
  const std::uint64_t refund = fields.number();
  if (refund > static_cast<std::uint64_t>(domain::OrderRefund::kRefunded)) throw BadField{};
  order.refund = static_cast<domain::OrderRefund>(refund);
  return order;
}

// Everything of a payment but its subject.
void read_decision(Fields& fields, domain::PaymentSnapshot& payment) {
  const std::uint64_t status = fields.number();
  if (status > static_cast<std::uint64_t>(domain::PaymentStatus::kRefunded)) throw BadField{};
  payment.status = static_cast<domain::PaymentStatus>(status);
  const std::uint64_t attempts = fields.number();
  if (attempts > UINT32_MAX) throw BadField{};
  payment.attempts = static_cast<std::uint32_t>(attempts);
  payment.failure = fields.text();
  payment.failure_detail = fields.text();
  payment.gateway_reference = fields.text();
  payment.created_at_ms = fields.integer();
  payment.updated_at_ms = fields.integer();
  payment.decided_seq = fields.number();
  payment.refunded_seq = fields.number();
}

// The fields behind `source`, which say what was paid for; an order's id stands before it.
domain::PaymentSubject read_subject(std::optional<domain::OrderId> order_id, Fields& fields) {
  const std::int64_t amount = fields.integer();
  if (!order_id) {
    if (amount < 1 || !fields.nil()) throw BadField{};
    return domain::ReservationCharge{
        .reservation_id = read_id<domain::ReservationId>(fields.text()), .points = amount};
  }
  auto currency = domain::Currency::parse(fields.text());
  if (!currency) throw BadField{};
  return domain::OrderCharge{.order_id = *std::move(order_id),
                             .amount = amount,
                             .currency = *currency,
                             .payment_method = std::string(fields.text())};
}

domain::PaymentSnapshot read_payment(std::string_view payment_id, Fields& fields) {
  std::optional<domain::OrderId> order_id;
  if (!fields.nil()) order_id = read_id<domain::OrderId>(fields.text());
  std::string source(fields.text());
  domain::PaymentSnapshot payment{.payment_id = read_id<domain::PaymentId>(payment_id),
                                  .source = std::move(source),
                                  .subject = read_subject(std::move(order_id), fields)};
  read_decision(fields, payment);
  return payment;
}

// 0 where an older record ends.
std::uint64_t read_chain(Fields& fields) {
  return fields.more() ? fields.number() : 0;
}

OutboxKind read_kind(Fields& fields) {
  if (!fields.more()) return OutboxKind::kEntry;
  const std::uint64_t kind = fields.number();
  if (kind > static_cast<std::uint64_t>(OutboxKind::kSubstitute)) throw BadField{};
  return static_cast<OutboxKind>(kind);
}

void read_entry(domain::Seq seq, Fields& fields, domain::OutboxEntry& out) {
  out.seq = seq;
  out.time_ms = fields.integer();
  out.ttl_ms.reset();
  if (!fields.nil()) out.ttl_ms = fields.integer();
  out.topic.assign(fields.text());
  out.envelope.assign(fields.bytes());
}

}  // namespace

void encode(const HeadRecord& head, std::string& out) {
  encode_record(out, 4, [&](Packer& packer) {
    packer.pack_uint64(head.last_seq);
    packer.pack_uint64(head.revision);
    packer.pack_uint64(head.dead);
    packer.pack_int64(head.elapsed_ms);
  });
}

void encode_number(std::uint64_t number, std::string& out) {
  encode_record(out, 1, [&](Packer& packer) { packer.pack_uint64(number); });
}

void encode_text(std::string_view text, std::string& out) {
  encode_record(out, 1, [&](Packer& packer) { pack_text(packer, text); });
}

void encode_ranges(const std::vector<domain::SeqRange>& ranges, std::string& out) {
  encode_record(out, static_cast<std::uint32_t>(2 * ranges.size()), [&](Packer& packer) {
    for (const domain::SeqRange& range : ranges) {
      packer.pack_uint64(range.first);
      packer.pack_uint64(range.last);
    }
  });
}

void encode(const domain::OrderSnapshot& order, std::string& out) {
  encode_record(out, 13, [&](Packer& packer) {
    pack_text(packer, order.customer_id.text());
    packer.pack_uint8(static_cast<std::uint8_t>(order.status));
    pack_text(packer, order.currency.code());
    packer.pack_int64(order.total);
    packer.pack_array(static_cast<std::uint32_t>(order.lines.size()));
    for (const domain::OrderLine& line : order.lines) {
      packer.pack_array(4);
      pack_text(packer, line.sku);
      packer.pack_int64(line.quantity);
      packer.pack_int64(line.unit_price);
      pack_text(packer, line.description);
    }
    pack_text(packer, order.payment_method);
    if (order.payment_id) {
      pack_text(packer, order.payment_id->text());
    } else {
      packer.pack_nil();
    }
    pack_text(packer, order.failure);
    packer.pack_int64(order.created_at_ms);
    packer.pack_int64(order.updated_at_ms);
    packer.pack_uint64(order.created_seq);
    packer.pack_uint64(order.settled_seq);
    packer.pack_uint8(static_cast<std::uint8_t>(order.refund));
  });
}

void encode(const domain::PaymentSnapshot& payment, std::string& out) {
  encode_record(out, 14, [&](Packer& packer) {
    if (const auto* order = std::get_if<domain::OrderCharge>(&payment.subject)) {
      pack_text(packer, order->order_id.text());
      pack_text(packer, payment.source);
      packer.pack_int64(order->amount);
      pack_text(packer, order->currency.code());
      pack_text(packer, order->payment_method);
    } else {
      const auto& reservation = std::get<domain::ReservationCharge>(payment.subject);
      packer.pack_nil();
      pack_text(packer, payment.source);
      packer.pack_int64(reservation.points);
      packer.pack_nil();
      pack_text(packer, reservation.reservation_id.text());
    }
    packer.pack_uint8(static_cast<std::uint8_t>(payment.status));
    packer.pack_uint32(payment.attempts);
    pack_text(packer, payment.failure);
    pack_text(packer, payment.failure_detail);
    pack_text(packer, payment.gateway_reference);
    packer.pack_int64(payment.created_at_ms);
    packer.pack_int64(payment.updated_at_ms);
    packer.pack_uint64(payment.decided_seq);
    packer.pack_uint64(payment.refunded_seq);
  });
}

void encode(const domain::StateValue& value, std::string& out) {
  encode_record(out, 2, [&](Packer& packer) {
    packer.pack_uint64(value.version);
    pack_bytes(packer, value.bytes);
  });
}

void encode(const domain::OutboxEntry& entry, std::string& out, OutboxKind kind) {
  const bool is_plain = kind == OutboxKind::kEntry;
  encode_record(out, is_plain ? 6 : 7, [&](Packer& packer) {
    pack_entry(packer, entry);
    packer.pack_int64(entry.elapsed_ms);
    packer.pack_uint64(entry.chain);
    if (!is_plain) packer.pack_uint8(static_cast<std::uint8_t>(kind));
  });
}

void encode_withdrawn(const domain::OutboxEntry& entry, std::string& out) {
  encode(
      domain::OutboxEntry{
          .time_ms = entry.time_ms, .elapsed_ms = entry.elapsed_ms, .chain = entry.chain},
      out, OutboxKind::kWithdrawn);
}

void encode(const CompletedRecord& completed, std::string& out) {
  encode_record(out, 2, [&](Packer& packer) {
    packer.pack_uint64(completed.seq);
    packer.pack_uint64(completed.chain);
  });
}

void encode(const domain::RequestRecord& record, std::string& out) {
  encode_record(out, 3, [&](Packer& packer) {
    packer.pack_int64(record.time_ms);
    pack_bytes(packer, record.digest);
    pack_bytes(packer, record.outcome);
  });
}

void encode(const domain::DeadEntry& dead, std::string& out) {
  encode_record(out, 8, [&](Packer& packer) {
    pack_entry(packer, dead.entry);
    packer.pack_int64(dead.died_at_ms);
    pack_text(packer, dead.reason);
    packer.pack_int64(dead.entry.elapsed_ms);
    packer.pack_uint64(dead.entry.chain);
  });
}

void encode_removed_letter(std::string& out) {
  encode_record(out, 0, [](Packer&) {});
}

bool is_removed_letter(std::string_view bytes) {
  bool is_empty = false;
  return decode_record(bytes, [&](Fields& fields) { is_empty = !fields.more(); }) && is_empty;
}

Result<HeadRecord> decode_head(std::string_view bytes) {
  HeadRecord head;
  const bool decoded = decode_record(bytes, [&](Fields& fields) {
    head.last_seq = fields.number();
    head.revision = fields.number();
    head.dead = fields.number();
    if (fields.more()) head.elapsed_ms = read_elapsed(fields);
  });
  if (!decoded) return undecodable("meta record", "head");
  return head;
}

Result<CompletedRecord> decode_completed(std::string_view bytes) {
  CompletedRecord completed;
  const bool decoded = decode_record(bytes, [&](Fields& fields) {
    completed.seq = fields.number();
    completed.chain = read_chain(fields);
  });
  if (!decoded) return undecodable("meta record", "completed");
  return completed;
}

Result<std::uint64_t> decode_number(std::string_view bytes, std::string_view name) {
  std::uint64_t number = 0;
  if (!decode_record(bytes, [&](Fields& fields) { number = fields.number(); })) {
    return undecodable("meta record", name);
  }
  return number;
}

Result<std::string> decode_text(std::string_view bytes, std::string_view name) {
  std::string text;
  if (!decode_record(bytes, [&](Fields& fields) { text = fields.text(); })) {
    return undecodable("meta record", name);
  }
  return text;
}

Result<std::vector<domain::SeqRange>> decode_ranges(std::string_view bytes, std::string_view name) {
  std::vector<domain::SeqRange> ranges;
  const bool decoded = decode_record(bytes, [&](Fields& fields) {
    domain::Seq before = 0;
    while (fields.more()) {
      const domain::Seq first = fields.number();
      const domain::Seq last = fields.number();
      if (first <= before || first > last) throw BadField{};
      ranges.push_back({first, last});
      before = last;
    }
  });
  if (!decoded) return undecodable("meta record", name);
  return ranges;
}

Result<domain::OrderSnapshot> decode_order(std::string_view id, std::string_view bytes) {
  std::optional<domain::OrderSnapshot> order;
  if (!decode_record(bytes, [&](Fields& fields) { order = read_order(id, fields); })) {
    return undecodable("order", id);
  }
  return *std::move(order);
}

Result<domain::PaymentSnapshot> decode_payment(std::string_view id, std::string_view bytes) {
  std::optional<domain::PaymentSnapshot> payment;
  if (!decode_record(bytes, [&](Fields& fields) { payment = read_payment(id, fields); })) {
    return undecodable("payment", id);
  }
  return *std::move(payment);
}

Result<domain::StateValue> decode_state(std::string_view key, std::string_view bytes) {
  domain::StateValue value;
  const bool decoded = decode_record(bytes, [&](Fields& fields) {
    value.version = fields.number();
    value.bytes = fields.bytes();
  });
  if (!decoded) return undecodable("application key", key);
  return value;
}

Result<domain::RequestRecord> decode_request(std::string_view id, std::string_view bytes) {
  domain::RequestRecord record;
  const bool decoded = decode_record(bytes, [&](Fields& fields) {
    record.time_ms = fields.integer();
    record.digest = fields.bytes();
    record.outcome = fields.bytes();
  });
  if (!decoded) return undecodable("request record", id);
  return record;
}

Result<OutboxKind> decode_outbox(domain::Seq seq, std::string_view bytes,
                                 domain::OutboxEntry& out) {
  OutboxKind kind = OutboxKind::kEntry;
  const bool decoded = decode_record(bytes, [&](Fields& fields) {
    read_entry(seq, fields, out);
    out.elapsed_ms = fields.more() ? read_elapsed(fields) : 0;
    out.chain = read_chain(fields);
    kind = read_kind(fields);
  });
  if (!decoded) return undecodable("outbox entry", std::to_string(seq));
  return kind;
}

Status decode_dead(domain::Seq seq, std::string_view bytes, domain::DeadEntry& out) {
  const bool decoded = decode_record(bytes, [&](Fields& fields) {
    read_entry(seq, fields, out.entry);
    out.died_at_ms = fields.integer();
    out.reason = fields.text();
    out.entry.elapsed_ms = fields.more() ? read_elapsed(fields) : 0;
    out.entry.chain = read_chain(fields);
  });
  if (!decoded) return undecodable("dead letter", std::to_string(seq));
  return domain::ok_status();
}

Result<domain::TimestampMs> decode_request_time(std::string_view bytes) {
  domain::TimestampMs time_ms = 0;
  if (!decode_record(bytes, [&](Fields& fields) { time_ms = fields.integer(); })) {
    return undecodable("request record", "");
  }
  return time_ms;
}

}  // namespace outboxd::storage
