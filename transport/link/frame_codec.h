// Frames to bytes and back.
//
//   frame := version:u8(1) array [ type:uint, field… ]      (PROTOCOL.md has the fields)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/result.h"
#include "transport/link/frames.h"
#include "transport/msgpack/value.h"

namespace outboxd::transport {

std::string encode(const HelloFrame& frame);
std::string encode(const WelcomeFrame& frame);
std::string encode(const ProveFrame& frame);
std::string encode(const ConflictFrame& frame);
std::string encode(const FencedFrame& frame);
std::string encode(const AckFrame& frame);
std::string encode(const RejectFrame& frame);
std::string encode(const ErrorFrame& frame);
std::string encode(const PingFrame& frame);
std::string encode(const PongFrame& frame);
std::string encode(const ByeFrame& frame);
std::string encode(const SubscribeFrame& frame);
// At most kMaxDeliverEvents, and no more than kMaxDeliverBytes of envelopes or a single event.
std::string encode(const DeliverFrame& frame);
std::string encode(const SettleFrame& frame);     // at most kMaxSettlements
std::string encode(const CompletedFrame& frame);  // at most kMaxCompletedRanges
std::string encode(const SettledFrame& frame);    // at most kMaxSettlements
std::string encode(const UnsubscribedFrame& frame);

// The consumer frame `frame`, which encode() made without a place, with its place.
std::string placed(std::string frame, const SentCount& place);

// The place that a consumer frame carries.
FramePlace place_of(const Frame& frame);

// Builds a PUBLISH with one allocation and one copy of each envelope.
class PublishEncoder {
 public:
  // Exactly `events` calls of add(), which take `bytes` of envelopes together, must follow.
  PublishEncoder(domain::Seq first_seq, std::size_t events, std::size_t bytes);

  // The next event in order, empty: withdrawn; and its chain value, 0: not known.
  void add(std::string_view envelope, std::uint64_t chain = 0);

  std::string finish() &&;

 private:
  std::size_t missing_;
  std::string out_;
  std::vector<std::uint64_t> chains_;
};

// The version of a frame that another version of this protocol sent. Every version, now and later,
// begins its frames with its number and an array. Nothing for this version's frames, and for bytes
// that are no frame of any.
std::optional<std::uint8_t> other_version(std::string_view bytes);

// Decodes one frame, within the limits of transport/limits.h. The frame's views point into `bytes`;
// `document` is scratch memory. Fields behind the known ones are skipped, for they are a later
// release's. Error: bad_request, for everything that is not a frame of kProtocolVersion.
domain::Result<Frame> decode_frame(std::string_view bytes, Document& document);

}  // namespace outboxd::transport
