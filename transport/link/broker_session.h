// The broker's end of the link as a state machine without sockets, clocks and threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "domain/ids.h"
#include "transport/limits.h"
#include "transport/link/admission.h"
#include "transport/link/frames.h"
#include "transport/msgpack/value.h"

namespace outboxd::transport {

// One event to store. The views point into the frame that is being handled.
struct AcceptedEvent {
  domain::Seq seq = 0;
  std::string_view topic;
  std::string_view envelope;
};

// Where a producer stands: everything of its present life up to `last_seq` is settled.
struct ProducerPlace {
  std::uint64_t epoch = 0;  // the highest that was admitted
  domain::Seq last_seq = 0;
  std::string store;        // id of the store that has the name; empty: of a release without
  std::uint64_t chain = 0;  // chain value of event `last_seq`; 0: not known
};

// Events to append and the producer's position to record, in one durable step: when it is done, the
// producer stands at (`epoch`, `last_seq`). Sequence numbers of the range that are not among
// `events` were withdrawn by the producer and are only counted. A range of nothing (`first_seq` is
// behind `last_seq`) only moves the epoch.
struct AppendRequest {
  std::string_view producer;  // its origin, which tells its life
  std::uint64_t epoch = 0;
  domain::Seq first_seq = 0;
  domain::Seq last_seq = 0;
  const std::vector<AcceptedEvent>& events;  // in order; may be empty
  std::string_view store = {};
  std::uint64_t chain = 0;  // of `last_seq`
};

// What the sessions ask for. Called from within their inputs; must not call them back.
class BrokerOutput {
 public:
  virtual ~BrokerOutput() = default;

  // Sends `frame` to `peer`. False when the peer is gone or cannot take it now: the frame is lost
  // then, never queued, and the peer loses its session.
  virtual bool send(std::string_view peer, std::string frame) = 0;

  // Copies what it needs of `request` (its views die when this returns) and makes it durable, in
  // the order of the calls. BrokerSessions::durable says when that is done. There is no failure: a
  // broker that cannot store stops (G10).
  virtual void append(const AppendRequest& request) = 0;
};

enum class SessionEnd : std::uint8_t {
  kLeft,  // it said BYE
  kLost,  // nothing was heard of it for long, it could not be reached, or it broke the protocol
  kDied,  // a younger process of the producer came: the older one is dead, or must be taken as such
};

// Port to the broker's consumer groups: what sessions want of them. Called from within the inputs
// of BrokerSessions, on their thread. Must not call these inputs back, but may call send_to().
//
// A session ends with on_session_end, or with another on_session: the same process said HELLO
// again, and knows of no delivery and no subscription of before. After an end with kLost, kDied may
// follow at any later time; it is also told of producers that had no session.
class ConsumerHandler {
 public:
  virtual ~ConsumerHandler() = default;

  // WELCOME was sent. The views die with the call.
  virtual void on_session(std::string_view producer, std::uint64_t epoch,
                          const std::vector<CompletionRule>& completions) = 0;

  virtual void on_session_end(std::string_view producer, SessionEnd why) = 0;

  // Names and number of subscriptions were checked, the credit is at most kMaxCredit. With a credit
  // of 0 the subscription ends: what was delivered and not settled is no longer the session's, and
  // nothing more may be delivered. A refusal (code of subscription_code, or another one) is told to
  // the daemon.
  virtual std::optional<Refused> on_subscribe(std::string_view producer,
                                              const SubscribeFrame& subscribe) = 0;

  // The tags may be of anything: of earlier sessions, of others, or invented.
  virtual void on_settle(std::string_view producer, const SettleFrame& settle) = 0;
};

struct BrokerSessionOptions {
  std::uint64_t window_events = 65536;  // granted to one producer: accepted but not yet durable
  std::uint64_t window_bytes = 16 << 20;
  std::int64_t peer_timeout_ms = 30'000;   // a peer that is silent for so long is forgotten
  std::int64_t error_interval_ms = 1'000;  // at most one "hello_first" per peer in this time
  std::size_t max_peers = 4096;            // connections remembered; more get no answer
  std::size_t max_producers = 65536;       // names remembered; more are told "busy"
  std::string software_version;
  std::string history;  // the id of the broker's store; empty: it has none
};

struct ProducerStatus {
  std::string producer;
  std::uint64_t life = 0;
  std::string store;  // empty: it never said
  std::uint64_t epoch = 0;
  domain::Seq last_seq = 0;  // durable
  bool connected = false;
};

struct BrokerCounters {
  std::uint64_t events_accepted = 0;
  std::uint64_t events_withdrawn = 0;
  std::uint64_t events_duplicate = 0;  // dropped, because they were accepted before
  std::uint64_t events_refused = 0;
  std::uint64_t events_held = 0;  // ignored, because there was no room for them
  std::uint64_t gaps = 0;
  std::uint64_t errors_sent = 0;
  std::uint64_t sessions = 0;
  std::uint64_t fenced = 0;
  std::uint64_t twins = 0;        // HELLOs of a second process with the same epoch
  std::uint64_t conflicts = 0;    // HELLOs whose numbers are of another history (G13)
  std::uint64_t frames_lost = 0;  // sessions that were ended because frames of theirs were
};

// The sessions of all producers over all connections. A peer is a connection, known by its routing
// id; a producer outlives its connections. Per producer: accepted events are gapless and in order,
// durable <= accepted, and no more than the window lies between them. Its epoch is durable before
// its session begins, so that no restart of the broker lets an older process in again (G12).
//
// Deterministic. Single-threaded: all calls come from one thread. Nothing that a peer sends makes
// it fail; a peer that breaks the protocol gets an ERROR and loses its session, and has to begin
// again with HELLO.
class BrokerSessions {
 public:
  // `admission` and `output` must outlive it.
  BrokerSessions(BrokerSessionOptions options, Admission& admission, BrokerOutput& output);

  // Whom consumers' frames are handed to; without it they are unsupported. Must outlive this.
  // Before any other input.
  void attach(ConsumerHandler& consumers);

  // Sends DELIVER, SETTLED or COMPLETED to the session of `producer`. False when there is none, or
  // it cannot take the frame now: the frame is lost then and the session over, without a call of
  // on_session_end.
  bool send_to(std::string_view origin, std::string frame);

  // The durable position of a producer in one of its lives, as the broker found it when it started.
  // The highest life counts. Before any other input.
  void restore(std::string_view origin, const ProducerPlace& place);

  // `frame` came from `peer`. Times are monotonic.
  void receive(std::string_view peer, std::string_view frame, std::int64_t now_ms);

  // The disk has the position (`epoch`, `last_seq`) of `producer` and everything up to it:
  // acknowledges it. Calls for one producer come in rising order.
  void durable(std::string_view origin, std::uint64_t epoch, domain::Seq last_seq);

  // Time passes: forgets silent peers. To be called about every second.
  void tick(std::int64_t now_ms);

  // The broker stops: tells every producer, and takes no more events. What was accepted is still
  // acknowledged when it is durable.
  void close();

  // While held, events that are not known yet are ignored as if they had been lost on the way:
  // their producer keeps them and sends them again. Everything else goes on.
  void hold_events(bool held) { held_ = held; }

  // True when nothing accepted waits for the disk.
  [[nodiscard]] bool drained() const { return undurable_producers_ == 0; }

  [[nodiscard]] const BrokerCounters& counters() const { return counters_; }

  // Producers with names behind `after`, in order, at most `limit`.
  [[nodiscard]] std::vector<ProducerStatus> producers(std::string_view after,
                                                      std::size_t limit) const;

 private:
  struct Batch {
    std::uint64_t epoch;
    domain::Seq last_seq;
    std::size_t bytes;
  };

  struct Peer;

  struct Producer {
    std::string_view name;  // the key in producers_
    std::uint64_t life = 0;
    std::string origin;       // name and life
    std::string store;        // id of the store that it is; empty: it never said
    std::uint64_t chain = 0;  // chain value of accepted_seq; 0: not known
    std::uint64_t epoch = 0;
    std::uint64_t instance = 0;  // of the process whose epoch it is; 0: not known
    std::uint64_t greeting = 0;  // of its last HELLO
    std::int64_t heard_ms = 0;   // when that process was last heard
    std::uint64_t durable_epoch = 0;
    domain::Seq accepted_seq = 0;
    domain::Seq durable_seq = 0;
    std::deque<Batch> undurable;  // accepted positions, on their way to the disk
    std::size_t undurable_bytes = 0;
    Peer* peer = nullptr;  // the connection of its session, if it has one
    std::uint64_t session = 0;
    bool welcome_due = false;        // WELCOME goes out once everything accepted is durable
    bool awaits_withdrawal = false;  // of the refused event accepted_seq + 1

    // As a consumer.
    bool is_consumer = false;           // the handler was told of its session, and not of the end
    std::uint64_t frames_received = 0;  // consumer frames, in this session
    std::uint64_t frames_sent = 0;
    std::vector<std::pair<std::string, std::string>> completions;  // rules, until WELCOME
    std::set<std::pair<std::string, std::string>> subscriptions;   // (topic, group)
  };

  struct Peer {
    std::string_view id;           // the key in peers_
    Producer* producer = nullptr;  // nothing: no session
    std::int64_t heard_ms = 0;
    std::optional<std::int64_t> told_ms;  // when it was last told "hello_first"
    bool leaving = false;                 // said BYE
  };

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  Peer* find_or_add(std::string_view id);
  void dispatch(Peer& peer, const Frame& frame, std::int64_t now_ms);
  bool dispatch_to_consumers(Peer& peer, const Frame& frame);
  void on_hello(Peer& peer, const HelloFrame& hello, std::int64_t now_ms);
  void on_publish(Peer& peer, const PublishFrame& publish);
  void on_ping(Peer& peer, const PingFrame& ping);
  void on_bye(Peer& peer);
  bool arrive(Peer& peer, const FramePlace& place);
  void refuse_lost(Peer& peer, const SentCount& sent);
  void on_subscribe(Peer& peer, const SubscribeFrame& subscribe);
  void on_settle(Peer& peer, const SettleFrame& settle);
  Producer* find_or_add_producer(std::string_view name);
  bool is_of_one_history(Peer& peer, const Producer& producer, const HelloFrame& hello);
  bool has_proven(Peer& peer, const Producer& producer, const HelloFrame& hello);
  void tell_conflict(Peer& peer, const Producer& producer, std::string_view code,
                     std::string_view message);
  void begin_life(const Peer& peer, Producer& producer, const HelloFrame& hello);
  Producer* find_origin(std::string_view origin);
  [[nodiscard]] bool is_twin(const Producer& producer, const HelloFrame& hello,
                             std::int64_t now_ms) const;
  void begin_session(Peer& peer, Producer& producer, const HelloFrame& hello);
  void take_epoch(Producer& producer, std::uint64_t epoch);
  void ask_for_hello(Peer& peer, std::int64_t now_ms);
  void accept(Producer& producer, const PublishFrame& publish, std::size_t skip);
  void append(Producer& producer, domain::Seq last_seq, std::uint64_t chain, std::size_t bytes);
  void await_disk(Producer& producer, std::size_t bytes);
  void welcome(Producer& producer);
  void send(Peer& peer, std::string frame);
  void refuse(Peer& peer, std::string_view code, std::string_view message);
  void end_session(Peer& peer);
  void end_consumer(Producer& producer, SessionEnd why);
  static void detach(Peer& peer);
  static void check_invariants(const Producer& producer);

  const BrokerSessionOptions options_;
  Admission& admission_;
  BrokerOutput& output_;
  ConsumerHandler* consumers_ = nullptr;

  std::map<std::string, Producer, std::less<>> producers_;
  std::unordered_map<std::string, Peer, Hash, std::equal_to<>> peers_;
  std::uint64_t last_session_ = 0;
  std::size_t undurable_producers_ = 0;
  bool closing_ = false;
  bool held_ = false;
  BrokerCounters counters_;
  Document document_;                    // scratch
  std::vector<AcceptedEvent> accepted_;  // scratch
};

}  // namespace outboxd::transport
