#include "transport/link/frame_codec.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "domain/check.h"
#include "transport/limits.h"
#include "transport/msgpack/writer.h"

namespace outboxd::transport {
namespace {

// What a MessagePack header takes at most: one format byte and a length of four.
constexpr std::size_t kHeaderBytes = 5;
constexpr std::size_t kIntegerBytes = 9;

// Starts a frame of `fields` behind its type.
Writer begin(std::string& out, FrameType type, std::size_t fields) {
  out.push_back(static_cast<char>(kProtocolVersion));
  Writer writer(out);
  writer.array(fields + 1).unsigned_integer(static_cast<std::uint8_t>(type));
  return writer;
}

// People's text has a bound, so that no answer grows with what was sent.
std::string_view bounded(std::string_view text) {
  return text.substr(0, kMaxErrorTextBytes);
}

std::string encode_sign_of_life(FrameType type, const std::optional<SentCount>& sent) {
  std::string out;
  Writer writer = begin(out, type, sent ? 2 : 0);
  if (sent) writer.unsigned_integer(sent->session).unsigned_integer(sent->frames);
  return out;
}

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
    case static_cast<int>(FrameType::kProve): return ProveFrame{f.number()};
    case static_cast<int>(FrameType::kConflict):
      return ConflictFrame{f.text(), f.number(), f.number(), f.text()};
    default: return UnknownFrame{type};
  }
}

}  // namespace

std::string encode(const HelloFrame& frame) {
  OUTBOXD_CHECK(frame.completions.size() <= kMaxCompletionRules);
  std::string out;
  Writer writer = begin(out, FrameType::kHello, 12);
  writer.string(frame.producer)
      .unsigned_integer(frame.epoch)
      .unsigned_integer(frame.next_seq)
      .string(frame.software)
      .array(frame.completions.size());
  for (const CompletionRule& rule : frame.completions) {
    writer.array(2).string(rule.topic).string(rule.group);
  }
  writer.unsigned_integer(frame.instance)
      .unsigned_integer(frame.greeting)
      .string(frame.store)
      .unsigned_integer(frame.life)
      .unsigned_integer(frame.base_seq)
      .unsigned_integer(frame.proof_seq)
      .unsigned_integer(frame.proof_chain);
  return out;
}

std::string encode(const WelcomeFrame& frame) {
  std::string out;
  begin(out, FrameType::kWelcome, 10)
      .unsigned_integer(frame.session)
      .unsigned_integer(frame.last_seq)
      .unsigned_integer(frame.window_events)
      .unsigned_integer(frame.window_bytes)
      .unsigned_integer(frame.max_publish_events)
      .unsigned_integer(frame.max_publish_bytes)
      .unsigned_integer(frame.max_envelope_bytes)
      .string(frame.software)
      .unsigned_integer(frame.greeting)
      .string(frame.history);
  return out;
}

std::string encode(const ProveFrame& frame) {
  std::string out;
  begin(out, FrameType::kProve, 1).unsigned_integer(frame.seq);
  return out;
}

std::string encode(const ConflictFrame& frame) {
  std::string out;
  begin(out, FrameType::kConflict, 4)
      .string(bounded(frame.code))
      .unsigned_integer(frame.life)
      .unsigned_integer(frame.last_seq)
      .string(bounded(frame.message));
  return out;
}

std::string encode(const FencedFrame& frame) {
  std::string out;
  begin(out, FrameType::kFenced, 1).unsigned_integer(frame.epoch);
  return out;
}

std::string encode(const AckFrame& frame) {
  std::string out;
  begin(out, FrameType::kAck, 1).unsigned_integer(frame.seq);
  return out;
}

std::string encode(const RejectFrame& frame) {
  OUTBOXD_CHECK(!frame.refusals.empty() && frame.refusals.size() <= kMaxPublishEvents);
  std::string out;
  Writer writer = begin(out, FrameType::kReject, 1);
  writer.array(frame.refusals.size());
  for (const Refusal& refusal : frame.refusals) {
    writer.array(3)
        .unsigned_integer(refusal.seq)
        .string(bounded(refusal.code))
        .string(bounded(refusal.message));
  }
  return out;
}

std::string encode(const ErrorFrame& frame) {
  std::string out;
  begin(out, FrameType::kError, 2).string(bounded(frame.code)).string(bounded(frame.message));
  return out;
}

std::string encode(const PingFrame& frame) {
  return encode_sign_of_life(FrameType::kPing, frame.sent);
}

std::string encode(const PongFrame& frame) {
  return encode_sign_of_life(FrameType::kPong, frame.sent);
}

std::string encode(const ByeFrame& frame) {
  std::string out;
  begin(out, FrameType::kBye, 1).string(bounded(frame.reason));
  return out;
}

std::string encode(const SubscribeFrame& frame) {
  std::string out;
  begin(out, FrameType::kSubscribe, 3)
      .string(frame.topic)
      .string(frame.group)
      .unsigned_integer(frame.credit);
  return out;
}

std::string encode(const DeliverFrame& frame) {
  OUTBOXD_CHECK(!frame.deliveries.empty() && frame.deliveries.size() <= kMaxDeliverEvents);
  std::size_t bytes = 0;
  for (const Delivery& each : frame.deliveries) {
    bytes += each.envelope.size() + each.topic.size() + each.group.size() + each.producer.size() +
             std::min(each.reason.size(), kMaxReasonBytes) + 6 * kHeaderBytes + 3 * kIntegerBytes;
  }
  std::string out;
  out.reserve(1 + 3 * kHeaderBytes + bytes);
  Writer writer = begin(out, FrameType::kDeliver, 1);
  writer.array(frame.deliveries.size());
  for (const Delivery& each : frame.deliveries) {
    writer.array(8)
        .unsigned_integer(each.tag)
        .string(each.topic)
        .string(each.group)
        .unsigned_integer(each.attempt)
        .string(each.producer)
        .unsigned_integer(each.seq)
        .binary(each.envelope);
    each.reason.empty() ? writer.nil() : writer.string(each.reason.substr(0, kMaxReasonBytes));
  }
  OUTBOXD_CHECK(out.size() <= kMaxFrameBytes);
  return out;
}

std::string encode(const SettleFrame& frame) {
  OUTBOXD_CHECK(!frame.settlements.empty() && frame.settlements.size() <= kMaxSettlements);
  std::string out;
  Writer writer = begin(out, FrameType::kSettle, 1);
  writer.array(frame.settlements.size());
  for (const Settlement& each : frame.settlements) {
    writer.array(3)
        .unsigned_integer(each.tag)
        .unsigned_integer(static_cast<std::uint8_t>(each.outcome))
        .string(each.reason.substr(0, kMaxReasonBytes));
  }
  return out;
}

std::string encode(const CompletedFrame& frame) {
  OUTBOXD_CHECK(!frame.ranges.empty() && frame.ranges.size() <= kMaxCompletedRanges);
  std::string out;
  Writer writer = begin(out, FrameType::kCompleted, 2);
  writer.string(frame.topic).array(frame.ranges.size());
  for (const SeqRange& range : frame.ranges) {
    writer.array(2).unsigned_integer(range.first).unsigned_integer(range.last);
  }
  return out;
}

std::string encode(const SettledFrame& frame) {
  OUTBOXD_CHECK(!frame.tags.empty() && frame.tags.size() <= kMaxSettlements);
  std::string out;
  Writer writer = begin(out, FrameType::kSettled, 1);
  writer.array(frame.tags.size());
  for (const std::uint64_t tag : frame.tags) writer.unsigned_integer(tag);
  return out;
}

std::string encode(const UnsubscribedFrame& frame) {
  std::string out;
  begin(out, FrameType::kUnsubscribed, 4)
      .string(bounded(frame.topic))
      .string(bounded(frame.group))
      .string(bounded(frame.code))
      .string(bounded(frame.message));
  return out;
}

std::string placed(std::string frame, const SentCount& place) {
  // The array's header is one byte: no frame has as many as 16 fields.
  const auto header = static_cast<std::uint8_t>(frame.at(1));
  OUTBOXD_CHECK((header & 0xF0) == 0x90 && (header & 0x0F) < 14);
  frame[1] = static_cast<char>(header + 2);
  Writer(frame).unsigned_integer(place.session).unsigned_integer(place.frames);
  return frame;
}

FramePlace place_of(const Frame& frame) {
  return std::visit(
      [](const auto& each) -> FramePlace {
        if constexpr (requires { each.place; }) return each.place;
        return std::nullopt;
      },
      frame);
}

PublishEncoder::PublishEncoder(domain::Seq first_seq, std::size_t events, std::size_t bytes)
    : missing_(events) {
  chains_.reserve(events);
  OUTBOXD_CHECK(first_seq > 0 && events > 0 && events <= kMaxPublishEvents);
  out_.reserve(1 + 2 * kHeaderBytes + (2 + events) * kIntegerBytes + kHeaderBytes * (events + 1) +
               bytes);
  begin(out_, FrameType::kPublish, 3).unsigned_integer(first_seq).array(events);
}

void PublishEncoder::add(std::string_view envelope, std::uint64_t chain) {
  OUTBOXD_CHECK(missing_ > 0);
  --missing_;
  chains_.push_back(chain);
  Writer writer(out_);
  envelope.empty() ? writer.nil() : writer.binary(envelope);
}

std::string PublishEncoder::finish() && {
  Writer writer(out_);
  writer.array(chains_.size());
  for (const std::uint64_t chain : chains_) writer.unsigned_integer(chain);
  OUTBOXD_CHECK(missing_ == 0 && out_.size() <= kMaxFrameBytes);
  return std::move(out_);
}

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
