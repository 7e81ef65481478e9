// The decoding half of frame_codec.h.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "transport/limits.h"
#include "transport/link/frame_codec.h"

namespace outboxd::transport {
namespace {

domain::Error not_a_frame(std::string message) {
  return domain::bad_request("frame", std::move(message));
}

// Reads the fields of a frame one after the other. A field that is missing or of another kind makes
// it fail; what it reads then has no meaning.
class Fields {
 public:
  Fields(Value frame, std::size_t first) : frame_(frame), index_(first) {}

  std::uint64_t number() { return or_fail(next().as_unsigned()); }
  std::string_view text() { return or_fail(next().as_string()); }

  // An array of at most `max` entries.
  Value array(std::size_t max) {
    const Value value = next();
    failed_ |= value.kind() != Value::Kind::kArray || value.size() > max;
    return failed_ ? Value() : value;
  }

  // Text that may be nil, which stands as an empty view.
  std::string_view text_or_nil() {
    const Value value = next();
    return value.is_nil() ? std::string_view() : or_fail(value.as_string());
  }

  // An event that must be there.
  std::string_view event() {
    const std::string_view bytes = or_fail(next().as_binary());
    failed_ |= bytes.empty();
    return bytes;
  }

  // Whether there is another field. For fields that were appended to a frame of earlier releases.
  [[nodiscard]] bool more() const { return !failed_ && index_ < frame_.size(); }

  // An event of a PUBLISH: nil is one that was withdrawn, and stands as an empty view.
  std::string_view envelope() {
    const Value value = next();
    if (value.is_nil()) return {};
    const std::string_view bytes = or_fail(value.as_binary());
    failed_ |= bytes.empty();
    return bytes;
  }

  void fail() { failed_ = true; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  Value next() {
    failed_ |= frame_.kind() != Value::Kind::kArray || index_ >= frame_.size();
    return failed_ ? Value() : frame_.at(index_++);
  }

  template <typename T>
  T or_fail(const std::optional<T>& value) {
    failed_ |= !value.has_value();
    return value.value_or(T{});
  }

  Value frame_;
  std::size_t index_;
  bool failed_ = false;
};

PublishFrame decode_publish(Fields& fields) {
  PublishFrame publish;
  publish.first_seq = fields.number();
  const Value events = fields.array(kMaxPublishEvents);
  publish.envelopes.reserve(events.size());
  Fields envelopes(events, 0);
  for (std::size_t i = 0; i < events.size(); ++i) {
    publish.envelopes.push_back(envelopes.envelope());
  }
  // Sequence numbers start at 1, and the range must not pass the last one.
  const bool in_range =
      publish.first_seq > 0 && publish.first_seq + events.size() > publish.first_seq;
  if (envelopes.failed() || !in_range) fields.fail();
  if (!fields.more()) return publish;
  const Value chains = fields.array(kMaxPublishEvents);
  Fields values(chains, 0);
  for (std::size_t i = 0; i < chains.size(); ++i) publish.chains.push_back(values.number());
  if (values.failed() || chains.size() != events.size()) fields.fail();
  return publish;
}

RejectFrame decode_reject(Fields& fields) {
  RejectFrame reject;
  const Value refusals = fields.array(kMaxPublishEvents);
  for (std::size_t i = 0; i < refusals.size(); ++i) {
    Fields parts(refusals.at(i), 0);
    reject.refusals.push_back({parts.number(), parts.text(), parts.text()});
    if (parts.failed()) fields.fail();
  }
  if (reject.refusals.empty()) fields.fail();
  return reject;
}

HelloFrame decode_hello(Fields& fields) {
  HelloFrame hello{fields.text(), fields.number(), fields.number(), fields.text()};
  if (fields.more()) {
    const Value rules = fields.array(kMaxCompletionRules);
    for (std::size_t i = 0; i < rules.size(); ++i) {
      Fields parts(rules.at(i), 0);
      hello.completions.push_back({parts.text(), parts.text()});
      if (parts.failed()) fields.fail();
    }
  }
  if (fields.more()) hello.instance = fields.number();
  if (fields.more()) hello.greeting = fields.number();
  if (fields.more()) hello.store = fields.text();
  if (fields.more()) hello.life = fields.number();
  if (fields.more()) hello.base_seq = fields.number();
  if (fields.more()) hello.proof_seq = fields.number();
  if (fields.more()) hello.proof_chain = fields.number();
  if (hello.store.size() > kMaxStoreIdBytes) fields.fail();
  return hello;
}

WelcomeFrame decode_welcome(Fields& f) {
  WelcomeFrame welcome{f.number(), f.number(), f.number(), f.number(),
                       f.number(), f.number(), f.number(), f.text()};
  if (f.more()) welcome.greeting = f.number();
  if (f.more()) welcome.history = f.text();
  if (welcome.history.size() > kMaxStoreIdBytes) f.fail();
  return welcome;
}

ProveFrame decode_prove(Fields& fields) {
  const ProveFrame prove{fields.number(), fields.text()};
  if (prove.history.size() > kMaxStoreIdBytes) fields.fail();
  return prove;
}

std::optional<SentCount> decode_sent_count(Fields& fields) {
  if (!fields.more()) return std::nullopt;
  return SentCount{fields.number(), fields.number()};
}

DeliverFrame decode_deliver(Fields& fields) {
  DeliverFrame deliver;
  const Value deliveries = fields.array(kMaxDeliverEvents);
  deliver.deliveries.reserve(deliveries.size());
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    Fields parts(deliveries.at(i), 0);
    Delivery delivery{.tag = parts.number(), .topic = parts.text(), .group = parts.text()};
    const std::uint64_t attempt = parts.number();
    delivery.attempt = static_cast<std::uint32_t>(attempt);
    delivery.producer = parts.text();
    delivery.seq = parts.number();
    delivery.envelope = parts.event();
    delivery.reason = parts.text_or_nil();
    if (parts.failed() || attempt == 0 || attempt != delivery.attempt || delivery.seq == 0) {
      fields.fail();
    }
    deliver.deliveries.push_back(delivery);
  }
  if (deliver.deliveries.empty()) fields.fail();
  deliver.place = decode_sent_count(fields);
  return deliver;
}

SettleFrame decode_settle(Fields& fields) {
  SettleFrame settle;
  const Value settlements = fields.array(kMaxSettlements);
  settle.settlements.reserve(settlements.size());
  for (std::size_t i = 0; i < settlements.size(); ++i) {
    Fields parts(settlements.at(i), 0);
    const std::uint64_t tag = parts.number();
    const std::uint64_t outcome = parts.number();
    const std::string_view reason = parts.text().substr(0, kMaxReasonBytes);
    if (parts.failed() || outcome > static_cast<std::uint64_t>(Outcome::kRelease)) fields.fail();
    settle.settlements.push_back({tag, static_cast<Outcome>(outcome), reason});
  }
  if (settle.settlements.empty()) fields.fail();
  settle.place = decode_sent_count(fields);
  return settle;
}

CompletedFrame decode_completed(Fields& fields) {
  CompletedFrame completed;
  completed.topic = fields.text();
  const Value ranges = fields.array(kMaxCompletedRanges);
  completed.ranges.reserve(ranges.size());
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    Fields parts(ranges.at(i), 0);
    const SeqRange range{parts.number(), parts.number()};
    if (parts.failed() || range.first == 0 || range.first > range.last) fields.fail();
    completed.ranges.push_back(range);
  }
  if (completed.ranges.empty()) fields.fail();
  completed.place = decode_sent_count(fields);
  return completed;
}

SettledFrame decode_settled(Fields& fields) {
  SettledFrame settled;
  const Value tags = fields.array(kMaxSettlements);
  settled.tags.reserve(tags.size());
  Fields entries(tags, 0);
  for (std::size_t i = 0; i < tags.size(); ++i) settled.tags.push_back(entries.number());
  if (entries.failed() || settled.tags.empty()) fields.fail();
  settled.place = decode_sent_count(fields);
  return settled;
}

Frame decode_fields(std::uint64_t type, Fields& f) {
  // Braced lists are evaluated from left to right, which is the order of the fields.
  switch (type) {
    case static_cast<int>(FrameType::kHello): return decode_hello(f);
    case static_cast<int>(FrameType::kWelcome): return decode_welcome(f);
    case static_cast<int>(FrameType::kFenced): return FencedFrame{f.number()};
    case static_cast<int>(FrameType::kPublish): return decode_publish(f);
    case static_cast<int>(FrameType::kAck): return AckFrame{f.number()};
    case static_cast<int>(FrameType::kReject): return decode_reject(f);
    case static_cast<int>(FrameType::kError): return ErrorFrame{f.text(), f.text()};
    case static_cast<int>(FrameType::kPing): return PingFrame{decode_sent_count(f)};
    case static_cast<int>(FrameType::kPong): return PongFrame{decode_sent_count(f)};
    case static_cast<int>(FrameType::kBye): return ByeFrame{f.text()};
    case static_cast<int>(FrameType::kSubscribe):
      return SubscribeFrame{f.text(), f.text(), f.number(), decode_sent_count(f)};
    case static_cast<int>(FrameType::kDeliver): return decode_deliver(f);
    case static_cast<int>(FrameType::kSettle): return decode_settle(f);
    case static_cast<int>(FrameType::kCompleted): return decode_completed(f);
    case static_cast<int>(FrameType::kSettled): return decode_settled(f);
    case static_cast<int>(FrameType::kUnsubscribed):
      return UnsubscribedFrame{f.text(), f.text(), f.text(), f.text(), decode_sent_count(f)};
    case static_cast<int>(FrameType::kProve): return decode_prove(f);
    case static_cast<int>(FrameType::kConflict):
      return ConflictFrame{f.text(), f.number(), f.number(), f.text()};
    default: return UnknownFrame{type};
  }
}

}  // namespace

std::optional<std::uint8_t> other_version(std::string_view bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const auto version = static_cast<std::uint8_t>(bytes[0]);
  const auto header = static_cast<std::uint8_t>(bytes[1]);
  const bool is_array = (header & 0xF0) == 0x90 || header == 0xDC || header == 0xDD;
  if (version == 0 || version == kProtocolVersion || !is_array) return std::nullopt;
  return version;
}

domain::Result<Frame> decode_frame(std::string_view bytes, Document& document) {
  if (bytes.empty() || static_cast<std::uint8_t>(bytes[0]) != kProtocolVersion) {
    return not_a_frame("a frame starts with the protocol's version, 1");
  }
  if (bytes.size() > kMaxFrameBytes) return not_a_frame("a frame may not be that large");
  auto decoded = document.decode(bytes.substr(1));
  if (!decoded) return not_a_frame(decoded.error().message);
  if (decoded->kind() != Value::Kind::kArray) return not_a_frame("a frame is an array");

  Fields fields(*decoded, 0);
  const std::uint64_t type = fields.number();
  if (fields.failed()) return not_a_frame("a frame starts with the number of its type");
  Frame frame = decode_fields(type, fields);
  if (fields.failed()) {
    return not_a_frame("a field is missing or wrong in a frame of type " + std::to_string(type));
  }
  return frame;
}

}  // namespace outboxd::transport
