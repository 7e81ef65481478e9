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
  begin(out, FrameType::kProve, 2).unsigned_integer(frame.seq).string(frame.history);
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

}  // namespace outboxd::transport
