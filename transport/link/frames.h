// The frames of the broker link as plain structs. PROTOCOL.md gives their bytes and their rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/ids.h"

namespace outboxd::transport {

// Version of the protocol; the first byte of every frame.
inline constexpr std::uint8_t kProtocolVersion = 1;

// First entry of a frame's array. Numbers are never reused; 11 to 14 are set aside for SUBSCRIBE,
// DELIVER, SETTLE and COMPLETED.
enum class FrameType : std::uint8_t {
  kHello = 1,
  kWelcome = 2,
  kFenced = 3,
  kPublish = 4,
  kAck = 5,
  kReject = 6,
  kError = 7,
  kPing = 8,
  kPong = 9,
  kBye = 10,
};

// Why an ERROR frame was sent. Codes are texts, so that a capture can be read and a new one needs
// no new version.
namespace link_error {
inline constexpr std::string_view kVersion = "version";          // speaks another version
inline constexpr std::string_view kMalformed = "malformed";      // these bytes are no frame
inline constexpr std::string_view kUnsupported = "unsupported";  // a frame type of a later release
inline constexpr std::string_view kInvalid = "invalid";          // a HELLO that names nobody
inline constexpr std::string_view kHelloFirst = "hello_first";   // this connection has no session
inline constexpr std::string_view kGap = "gap";                  // sequence numbers are missing
inline constexpr std::string_view kWindow = "window";            // more in flight than was granted
inline constexpr std::string_view kBusy = "busy";                // no room for another producer
}  // namespace link_error

// Why an event is refused for ever.
namespace reject_code {
inline constexpr std::string_view kTooLarge = "too_large";
inline constexpr std::string_view kUndecodable = "undecodable";
inline constexpr std::string_view kInvalidTopic = "invalid_topic";
inline constexpr std::string_view kForbiddenTopic = "forbidden_topic";
}  // namespace reject_code

// The views in a frame point into the bytes that it was decoded from, or at what is to be encoded.

struct HelloFrame {
  std::string_view producer;
  std::uint64_t epoch = 0;
  domain::Seq next_seq = 0;  // entries up to next_seq - 1 exist at the producer
  std::string_view software;
};

struct WelcomeFrame {
  std::uint64_t session = 0;  // for the logs of both sides
  domain::Seq last_seq = 0;   // last durable one of this producer; publishing resumes after it
  std::uint64_t window_events = 0;
  std::uint64_t window_bytes = 0;
  std::uint64_t max_publish_events = 0;
  std::uint64_t max_publish_bytes = 0;
  std::uint64_t max_envelope_bytes = 0;
  std::string_view software;
};

struct FencedFrame {
  std::uint64_t epoch = 0;  // the epoch that took over
};

struct PublishFrame {
  domain::Seq first_seq = 0;
  std::vector<std::string_view> envelopes;  // empty: withdrawn, counted but not stored
};

struct AckFrame {
  domain::Seq seq = 0;  // everything up to here is durable at the broker
};

struct Refusal {
  domain::Seq seq = 0;
  std::string_view code;
  std::string_view message;
};

struct RejectFrame {
  std::vector<Refusal> refusals;
};

struct ErrorFrame {
  std::string_view code;
  std::string_view message;
};

struct PingFrame {};
struct PongFrame {};

struct ByeFrame {
  std::string_view reason;
};

// A frame of this version whose type came later than this release.
struct UnknownFrame {
  std::uint64_t type = 0;
};

using Frame = std::variant<HelloFrame, WelcomeFrame, FencedFrame, PublishFrame, AckFrame,
                           RejectFrame, ErrorFrame, PingFrame, PongFrame, ByeFrame, UnknownFrame>;

}  // namespace outboxd::transport
