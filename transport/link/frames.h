// The frames of the broker link as plain structs. PROTOCOL.md gives their bytes and their rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/ids.h"

namespace outboxd::transport {

// Version of the protocol; the first byte of every frame.
inline constexpr std::uint8_t kProtocolVersion = 1;

// First entry of a frame's array. Numbers are never reused.
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
  kSubscribe = 11,
  kDeliver = 12,
  kSettle = 13,
  kCompleted = 14,
  kSettled = 15,
  kUnsubscribed = 16,
  kProve = 17,
  kConflict = 18,
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
inline constexpr std::string_view kTwin = "twin";  // another process has this epoch, and is there
inline constexpr std::string_view kLost = "lost";  // frames of this session did not arrive
}  // namespace link_error

// Why an event is refused for ever.
namespace reject_code {
inline constexpr std::string_view kTooLarge = "too_large";
inline constexpr std::string_view kUndecodable = "undecodable";
inline constexpr std::string_view kInvalidTopic = "invalid_topic";
inline constexpr std::string_view kForbiddenTopic = "forbidden_topic";
}  // namespace reject_code

// Why the two ends of a link do not go on with each other: their numbers are not of one history
// (G13).
namespace conflict_code {
inline constexpr std::string_view kOtherStore = "other_store";  // the name belongs to another box
inline constexpr std::string_view kOtherLife = "other_life";    // the name went on to a later life
inline constexpr std::string_view kBoxBehind = "box_behind";    // the broker has more than the box
inline constexpr std::string_view kOtherHistory = "other_history";  // same number, other events
inline constexpr std::string_view kFenced = "fenced";  // another process has a higher epoch
// What the daemon finds out by itself, of a WELCOME.
inline constexpr std::string_view kBrokerBehind = "broker_behind";  // it lost what the box gave up
inline constexpr std::string_view kOtherBroker = "other_broker";    // another store answers
}  // namespace conflict_code

// Why a subscription is refused. It is not forgotten: the daemon asks again after its next WELCOME.
namespace subscription_code {
inline constexpr std::string_view kInvalidTopic = "invalid_topic";
inline constexpr std::string_view kInvalidGroup = "invalid_group";
inline constexpr std::string_view kTooMany = "too_many";  // of this session, or of the broker
}  // namespace subscription_code

// The views in a frame point into the bytes that it was decoded from, or at what is to be encoded.

// The producer wants to know (COMPLETED) when `group` has processed its events of `topic`.
struct CompletionRule {
  std::string_view topic;
  std::string_view group;
};

struct HelloFrame {
  std::string_view producer;
  std::uint64_t epoch = 0;
  domain::Seq next_seq = 0;  // entries up to next_seq - 1 exist at the producer
  std::string_view software;
  std::vector<CompletionRule> completions = {};
  std::uint64_t instance = 0;   // random, of this process; 0 from releases that had none
  std::uint64_t greeting = 0;   // numbers the HELLOs of the process; 0 from releases that did not
  std::string_view store = {};  // the id of the producer's store; empty from releases that had none
  std::uint64_t life = 0;       // of the producer that this store is
  domain::Seq base_seq = 0;     // the life's events are those behind it
  // The chain value of an event, which the broker asked for with PROVE; nothing: it did not.
  domain::Seq proof_seq = 0;
  std::uint64_t proof_chain = 0;  // 0: the store does not know it
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
  std::uint64_t greeting = 0;     // of the HELLO that it answers
  std::string_view history = {};  // the id of the broker's store; empty from releases without
};

struct FencedFrame {
  std::uint64_t epoch = 0;  // the epoch that took over
};

struct PublishFrame {
  domain::Seq first_seq = 0;
  std::vector<std::string_view> envelopes;  // empty: withdrawn, counted but not stored
  std::vector<std::uint64_t> chains = {};   // their chain values, 0: not known; or none at all
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

// How many consumer frames (SUBSCRIBE and SETTLE of a daemon; DELIVER, SETTLED, COMPLETED and
// UNSUBSCRIBED of a broker) its sender has sent in a session. Each of them carries it, itself
// included, so that its receiver knows one that comes twice, too late, or after one that was lost;
// PING and PONG carry it, so that the loss of the last one is missed, too.
struct SentCount {
  std::uint64_t session = 0;
  std::uint64_t frames = 0;

  friend bool operator==(const SentCount&, const SentCount&) = default;
};

// The place of a consumer frame in its session; nothing from releases that did not number them.
using FramePlace = std::optional<SentCount>;

struct PingFrame {
  std::optional<SentCount> sent = std::nullopt;  // nothing from releases that did not count
};

struct PongFrame {
  std::optional<SentCount> sent = std::nullopt;
};

struct ByeFrame {
  std::string_view reason;
};

struct SubscribeFrame {
  std::string_view topic;
  std::string_view group;
  std::uint64_t credit = 0;  // unsettled deliveries at most; 0 ends the subscription
  FramePlace place = std::nullopt;
};

// One event on its way to a consumer.
struct Delivery {
  std::uint64_t tag = 0;  // unique for ever at one broker
  std::string_view topic;
  std::string_view group;
  std::uint32_t attempt = 0;  // counts from 1
  std::string_view producer;
  domain::Seq seq = 0;
  std::string_view envelope;
  std::string_view reason;  // of dead letters: why it died
};

struct DeliverFrame {
  std::vector<Delivery> deliveries;
  FramePlace place = std::nullopt;
};

enum class Outcome : std::uint8_t {
  kAck = 0,      // processed, durably
  kRetry = 1,    // not now: counts as an attempt
  kDead = 2,     // never: to the dead letters
  kRelease = 3,  // nobody looked at it: as if it had not been delivered
};

struct Settlement {
  std::uint64_t tag = 0;
  Outcome outcome = Outcome::kAck;
  std::string_view reason;
};

struct SettleFrame {
  std::vector<Settlement> settlements;
  FramePlace place = std::nullopt;
};

struct SeqRange {
  domain::Seq first = 0;
  domain::Seq last = 0;

  friend bool operator==(const SeqRange&, const SeqRange&) = default;
};

// Every event of `topic` that the receiver published in these ranges is completed.
struct CompletedFrame {
  std::string_view topic;
  std::vector<SeqRange> ranges;
  FramePlace place = std::nullopt;
};

// These settlements are durable: the group never gets the events again.
struct SettledFrame {
  std::vector<std::uint64_t> tags;
  FramePlace place = std::nullopt;
};

// A SUBSCRIBE was refused; there is no such subscription.
struct UnsubscribedFrame {
  std::string_view topic;
  std::string_view group;
  std::string_view code;
  std::string_view message;
  FramePlace place = std::nullopt;
};

// Before WELCOME: what is the chain value of event `seq`? HELLO again says.
struct ProveFrame {
  domain::Seq seq = 0;
  std::string_view history = {};  // the id of the broker's store
};

// Instead of WELCOME: the producer's numbers at this broker are of another history.
struct ConflictFrame {
  std::string_view code;     // of conflict_code
  std::uint64_t life = 0;    // the producer's last one here
  domain::Seq last_seq = 0;  // of that life
  std::string_view message;
};

// A frame of this version whose type came later than this release.
struct UnknownFrame {
  std::uint64_t type = 0;
};

using Frame = std::variant<HelloFrame, WelcomeFrame, FencedFrame, PublishFrame, AckFrame,
                           RejectFrame, ErrorFrame, PingFrame, PongFrame, ByeFrame, SubscribeFrame,
                           DeliverFrame, SettleFrame, CompletedFrame, SettledFrame,
                           UnsubscribedFrame, ProveFrame, ConflictFrame, UnknownFrame>;

}  // namespace outboxd::transport
