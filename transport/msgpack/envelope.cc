#include "transport/msgpack/envelope.h"

#include "domain/origin.h"
#include "domain/text.h"
#include "domain/time_format.h"
#include "transport/limits.h"
#include "transport/msgpack/scanner.h"

namespace outboxd::transport {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kFields = 8;  // of version 1; a newer writer may append more
constexpr std::size_t kMaxContentTypeBytes = 128;

static_assert(kMaxTopicBytes == domain::kMaxIdLength &&
              kMaxEventTypeBytes == domain::kMaxIdLength &&
              kMaxEventKeyBytes == domain::kMaxIdLength);

domain::Status check_id(std::string_view text, const char* field) {
  if (domain::is_valid_id(text)) return domain::ok_status();
  return domain::bad_request(
      field, std::string(field) + " must be 1 to 64 characters from A-Z a-z 0-9 . _ : -");
}

// What holds for every envelope, on its way in and out.
domain::Status check(const Envelope& envelope) {
  OUTBOXD_TRY(check_id(envelope.topic, "topic"));
  OUTBOXD_TRY(check_id(envelope.key, "key"));
  OUTBOXD_TRY(check_id(envelope.type, "type"));
  if (envelope.datacontenttype != kMessagePackContentType) {
    OUTBOXD_TRY(
        domain::check_text(envelope.datacontenttype, "datacontenttype", 1, kMaxContentTypeBytes));
  }
  OUTBOXD_TRY(domain::check_text(envelope.traceparent, "traceparent", 0, kMaxTraceparentBytes));
  if (envelope.data.size() > kMaxEventDataBytes) {
    return domain::Error{domain::ErrorCode::kTooLarge,
                         "data may have " + std::to_string(kMaxEventDataBytes) + " bytes, not " +
                             std::to_string(envelope.data.size()),
                         "data"};
  }
  return domain::ok_status();
}

// Reads the fields of a body one after the other. The first field of another kind makes it fail;
// what it reads then has no meaning.
class FieldReader {
 public:
  explicit FieldReader(Value body) : body_(body) {}

  std::string_view string() { return or_fail(next().as_string()); }
  std::string_view binary() { return or_fail(next().as_binary()); }
  std::int64_t integer() { return or_fail(next().as_integer()); }

  std::optional<std::int64_t> optional_integer() {
    const Value value = next();
    if (value.is_nil()) return std::nullopt;
    return or_fail(value.as_integer());
  }

  std::string_view optional_string() {
    const Value value = next();
    if (value.is_nil()) return {};
    return or_fail(value.as_string());
  }

  [[nodiscard]] bool failed() const { return failed_; }

 private:
  Value next() { return body_.at(index_++); }

  template <typename T>
  T or_fail(const std::optional<T>& value) {
    failed_ |= !value.has_value();
    return value.value_or(T{});
  }

  Value body_;
  std::size_t index_ = 0;
  bool failed_ = false;
};

bool is_one_value(std::string_view bytes) {
  Scanner scanner(bytes.size());
  return scanner.scan(bytes) == ScanResult::kComplete && scanner.size() == bytes.size();
}

}  // namespace

domain::Result<std::string> encode_envelope(const Envelope& envelope) {
  OUTBOXD_TRY(check(envelope));
  std::string bytes;
  bytes.reserve(64 + envelope.topic.size() + envelope.key.size() + envelope.type.size() +
                envelope.datacontenttype.size() + envelope.traceparent.size() +
                envelope.data.size());
  bytes.push_back(kVersion);
  Writer writer(bytes);
  writer.array(kFields)
      .integer(envelope.time_ms)
      .string(envelope.topic)
      .string(envelope.key)
      .string(envelope.type)
      .string(envelope.datacontenttype);
  envelope.ttl_ms ? writer.integer(*envelope.ttl_ms) : writer.nil();
  envelope.traceparent.empty() ? writer.nil() : writer.string(envelope.traceparent);
  writer.binary(envelope.data);
  return bytes;
}

domain::Result<Envelope> decode_envelope(std::string_view bytes, Document& document) {
  if (bytes.size() > kMaxEnvelopeBytes) {
    return domain::bad_request(
        "envelope", "an envelope may have " + std::to_string(kMaxEnvelopeBytes) + " bytes");
  }
  if (bytes.empty() || bytes.front() != kVersion) {
    return domain::bad_request("envelope", "the envelope is of a version other than 1");
  }
  auto body = document.decode(bytes.substr(1));
  if (!body) return domain::bad_request("envelope", body.error().message);
  if (body->kind() != Value::Kind::kArray || body->size() < kFields) {
    return domain::bad_request("envelope", "an envelope is an array of 8 fields or more");
  }

  FieldReader fields(*body);
  Envelope envelope;
  envelope.time_ms = fields.integer();
  envelope.topic = fields.string();
  envelope.key = fields.string();
  envelope.type = fields.string();
  envelope.datacontenttype = fields.string();
  envelope.ttl_ms = fields.optional_integer();
  envelope.traceparent = fields.optional_string();
  envelope.data = fields.binary();
  if (fields.failed()) {
    return domain::bad_request("envelope", "a field of the envelope is of the wrong kind");
  }
  if (auto status = check(envelope); !status) {
    return domain::bad_request(status.error().argument, status.error().message);
  }
  return envelope;
}

void write_event(Writer& writer, std::string_view producer, domain::Seq seq,
                 const Envelope& envelope, std::optional<std::uint64_t> offset) {
  const std::size_t optional_fields = std::size_t{envelope.ttl_ms.has_value()} +
                                      std::size_t{!envelope.traceparent.empty()} +
                                      std::size_t{offset.has_value()};
  writer.map(9 + optional_fields);
  // `producer` is an origin: in a later life of it, the number alone would be another event's id.
  const domain::Origin origin = domain::split_origin(producer);
  const std::string number = std::to_string(seq);
  writer.field("id", origin.life == 0 ? number : std::to_string(origin.life) + "." + number);
  writer.field("source", std::string_view("/outboxd/" + std::string(origin.producer)));
  writer.field("type", envelope.type);
  writer.field("subject", envelope.key);
  writer.field("time", std::string_view(domain::rfc3339(envelope.time_ms)));
  writer.field("datacontenttype", envelope.datacontenttype);
  writer.field("topic", envelope.topic);
  writer.field("seq", std::uint64_t{seq});
  if (offset) writer.field("offset", *offset);
  if (envelope.ttl_ms) writer.field("ttl_ms", *envelope.ttl_ms);
  if (!envelope.traceparent.empty()) writer.field("traceparent", envelope.traceparent);
  // Data that only claims to be MessagePack would break the framing of everything behind it.
  const bool embed =
      envelope.datacontenttype == kMessagePackContentType && is_one_value(envelope.data);
  writer.key("data");
  embed ? writer.raw(envelope.data) : writer.binary(envelope.data);
}

}  // namespace outboxd::transport
