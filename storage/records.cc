#include "storage/records.h"

#include <exception>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <msgpack.hpp>

namespace outboxd::storage {

using domain::Error;
using domain::Result;
using domain::Status;

namespace {

constexpr char kVersion = 1;

// Bounds of one record, checked before memory is taken: an order has the most entries, an envelope
// the most bytes.
constexpr std::size_t kMaxEntries = 4096;
constexpr std::size_t kMaxBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxDepth = 4;

// msgpack's packer writes to anything with write().
struct StringSink {
  void write(const char* data, std::size_t size) { out.append(data, size); }
  std::string& out;
};

using Packer = msgpack::packer<StringSink>;

void pack_text(Packer& packer, std::string_view text) {
  packer.pack_str(static_cast<std::uint32_t>(text.size()));
  packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}

void pack_bytes(Packer& packer, std::string_view bytes) {
  packer.pack_bin(static_cast<std::uint32_t>(bytes.size()));
  packer.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
}

// Runs `pack` on a packer over `out` that starts with the version and an array of `fields`.
template <typename Pack>
void encode_record(std::string& out, std::uint32_t fields, Pack pack) {
  out.assign(1, kVersion);
  StringSink sink{out};
  Packer packer(sink);
  packer.pack_array(fields);
  pack(packer);
}

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

// What a decoder throws inside decode_record, and nowhere else.
struct BadField {};

// The fields of an array, read in order. Views are into the record.
class Fields {
 public:
  explicit Fields(const msgpack::object& object) {
    if (object.type != msgpack::type::ARRAY) throw BadField{};
    next_ = object.via.array.ptr;
    end_ = next_ + object.via.array.size;
  }

  std::uint64_t number() {
    const msgpack::object& object = take();
    if (object.type != msgpack::type::POSITIVE_INTEGER) throw BadField{};
    return object.via.u64;
  }

  std::int64_t integer() {
    const msgpack::object& object = take();
    if (object.type == msgpack::type::NEGATIVE_INTEGER) return object.via.i64;
    if (object.type != msgpack::type::POSITIVE_INTEGER || object.via.u64 > INT64_MAX) {
      throw BadField{};
    }
    return static_cast<std::int64_t>(object.via.u64);
  }

  std::string_view text() {
    const msgpack::object& object = take();
    if (object.type != msgpack::type::STR) throw BadField{};
    return {object.via.str.ptr, object.via.str.size};
  }

  std::string_view bytes() {
    const msgpack::object& object = take();
    if (object.type != msgpack::type::BIN) throw BadField{};
    return {object.via.bin.ptr, object.via.bin.size};
  }

  // True, and passes over it, if the next field is nil.
  bool nil() {
    if (next_ == end_ || next_->type != msgpack::type::NIL) return false;
    ++next_;
    return true;
  }

  // False where a record of an older version ends.
  [[nodiscard]] bool more() const { return next_ != end_; }

  const msgpack::object& take() {
    if (next_ == end_) throw BadField{};
    return *next_++;
  }

 private:
  const msgpack::object* next_ = nullptr;
  const msgpack::object* end_ = nullptr;
};

Error undecodable(std::string_view kind, std::string_view name) {
  return Error{.message = fmt::format("{} '{}' cannot be decoded: the database is damaged, or was "
                                      "written by a newer version",
                                      kind, name)};
}

// Runs `read` on the fields of `bytes`; false when they are not what it expects. Nothing throws out
// of here.
template <typename Read>
bool decode_record(std::string_view bytes, Read read) {
  if (bytes.empty() || bytes.front() != kVersion) return false;
  const auto keep_references = [](msgpack::type::object_type, std::size_t, void*) { return true; };
  const msgpack::unpack_limit limit(kMaxEntries, /*map=*/0, kMaxBytes, kMaxBytes, /*ext=*/0,
                                    kMaxDepth);
  try {
    msgpack::zone zone(512);
    std::size_t offset = 1;
    bool referenced = false;
    const msgpack::object object = msgpack::unpack(zone, bytes.data(), bytes.size(), offset,
                                                   referenced, keep_references, nullptr, limit);
    if (offset != bytes.size()) return false;
    Fields fields(object);
    read(fields);
    return true;
  } catch (const BadField&) {
    return false;
  } catch (const std::exception&) {
    return false;
  }
}

template <typename Id>
Id read_id(std::string_view text) {
  auto id = Id::parse(text);
  if (!id) throw BadField{};
  return std::move(id).value();
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

domain::PaymentSnapshot read_payment(std::string_view payment_id, Fields& fields) {
  auto order_id = read_id<domain::OrderId>(fields.text());
  std::string source(fields.text());
  const std::int64_t amount = fields.integer();
  auto currency = domain::Currency::parse(fields.text());
  if (!currency) throw BadField{};
  domain::PaymentSnapshot payment{.payment_id = read_id<domain::PaymentId>(payment_id),
                                  .order_id = std::move(order_id),
                                  .source = std::move(source),
                                  .amount = amount,
                                  .currency = *currency};
  payment.payment_method = fields.text();
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
  return payment;
}

// Half the range is left, so that adding to an elapsed time cannot overflow.
std::int64_t read_elapsed(Fields& fields) {
  const std::int64_t elapsed_ms = fields.integer();
  if (elapsed_ms < 0 || elapsed_ms > INT64_MAX / 2) throw BadField{};
  return elapsed_ms;
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
    pack_text(packer, payment.order_id.text());
    pack_text(packer, payment.source);
    packer.pack_int64(payment.amount);
    pack_text(packer, payment.currency.code());
    pack_text(packer, payment.payment_method);
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

void encode(const domain::OutboxEntry& entry, std::string& out) {
  encode_record(out, 5, [&](Packer& packer) {
    pack_entry(packer, entry);
    packer.pack_int64(entry.elapsed_ms);
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
  encode_record(out, 7, [&](Packer& packer) {
    pack_entry(packer, dead.entry);
    packer.pack_int64(dead.died_at_ms);
    pack_text(packer, dead.reason);
    packer.pack_int64(dead.entry.elapsed_ms);
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

Status decode_outbox(domain::Seq seq, std::string_view bytes, domain::OutboxEntry& out) {
  const bool decoded = decode_record(bytes, [&](Fields& fields) {
    read_entry(seq, fields, out);
    out.elapsed_ms = fields.more() ? read_elapsed(fields) : 0;
  });
  if (!decoded) return undecodable("outbox entry", std::to_string(seq));
  return domain::ok_status();
}

Status decode_dead(domain::Seq seq, std::string_view bytes, domain::DeadEntry& out) {
  const bool decoded = decode_record(bytes, [&](Fields& fields) {
    read_entry(seq, fields, out.entry);
    out.died_at_ms = fields.integer();
    out.reason = fields.text();
    out.entry.elapsed_ms = fields.more() ? read_elapsed(fields) : 0;
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
