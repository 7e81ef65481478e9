// The daemon's end of the link as a state machine without sockets, clocks and threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/ids.h"
#include "transport/limits.h"
#include "transport/link/consumer_half.h"
#include "transport/link/frames.h"
#include "transport/link/relay_link.h"
#include "transport/msgpack/value.h"

namespace outboxd::transport {

// Each value's reason stands in PROTOCOL.md, "Times".
struct RelaySessionOptions {
  std::string producer;
  std::uint64_t epoch = 0;
  std::string software_version;
  std::uint64_t instance = 0;                                         // random, of this process
  std::vector<std::pair<std::string, std::string>> completions = {};  // (topic, group)
  std::string store;  // these five as in RelayLinkOptions
  std::uint64_t life = 0;
  domain::Seq base_seq = 0;
  std::string history;
  bool accept_loss = false;
  std::size_t window_events = 65536;
  std::size_t window_bytes = 8 << 20;
  std::int64_t batch_age_ms = 3;      // a batch that is not full waits for so long, when others
                                      // are in flight anyway
  std::int64_t hello_retry_ms = 500;  // first retry; doubles
  std::int64_t hello_retry_max_ms = 30'000;
  std::int64_t ack_timeout_ms = 10'000;  // without progress; doubles
  std::int64_t ack_timeout_max_ms = 60'000;
  std::int64_t ping_interval_ms = 5'000;
  std::int64_t silence_timeout_ms = 15'000;
};

// What the session wants to publish next.
struct WantedEntries {
  domain::Seq from = 0;
  std::size_t max_events = 0;
  std::size_t max_bytes = 0;
};

// One relay over all its connections, from the start of the process to its end.
//
// There is one way back from everything that goes wrong (a lost connection, silence, no ACK,
// nonsense from the broker): HELLO, repeated with back-off until WELCOME says from where to resume.
// So nothing needs to be remembered about what was sent, except how far.
//
// Deterministic: time and randomness come in. Single-threaded. Nothing that a broker sends makes it
// fail, and no ACK for what was never sent is believed. FENCED ends it for good.
class RelaySession {
 public:
  // A number from [0, 1), for jitter.
  using Random = std::function<double()>;

  // Entries up to `next_seq` - 1 exist. `observer` must outlive the session; it is called from
  // within the inputs, and must not call them back.
  RelaySession(RelaySessionOptions options, domain::Seq next_seq, Random random,
               LinkObserver& observer);

  // Inputs. Times are monotonic and never go back.

  // There is a connection to the broker: nothing was sent on it yet.
  void connected(std::int64_t now_ms);
  // There is none any more. `reason` is for people.
  void disconnected(std::string reason);
  void receive(std::string_view frame, std::int64_t now_ms);
  // Does what is due. To be called at next_deadline_ms(); earlier does no harm.
  void tick(std::int64_t now_ms);
  // Entries before `first` are completed, and may be gone.
  void entries_kept_from(domain::Seq first) { first_kept_ = first; }
  // The answer to wanted_proof(): the chain value of event `seq`, or 0 when it is not known.
  void prove(domain::Seq seq, std::uint64_t chain, std::int64_t now_ms);
  // Durable entries exist up to `next_seq` - 1.
  void entries_available(domain::Seq next_seq, std::int64_t now_ms);
  // What wanted() asked for, or the beginning of it. Envelopes that do not fit into the frame are
  // left for the next. An empty batch means that there is nothing yet.
  void publish(const PublishBatch& batch, std::int64_t now_ms);
  // RelayLink has what these mean.
  void subscribe(Subscription subscription);
  void settle(std::vector<OwnedSettlement> settlements);
  // Publishes and takes deliveries no more, and says BYE.
  void close();
  // The outbox cannot be read: publishes no more and says so. For good.
  void fail(std::string reason);

  // Outputs.

  // The next frame to send, in order; nothing when there is none. Frames of a connection that was
  // lost are gone.
  std::optional<std::string> next_frame();

  // What should be read from the outbox and given to publish() now; nothing when the window is
  // full, a batch should grow, there is nothing to publish or no session.
  [[nodiscard]] std::optional<WantedEntries> wanted(std::int64_t now_ms) const;

  // The event whose chain value the broker wants to know before it says WELCOME.
  [[nodiscard]] std::optional<domain::Seq> wanted_proof() const { return wanted_proof_; }

  // When tick() (and then wanted()) must be called at the latest.
  [[nodiscard]] std::optional<std::int64_t> next_deadline_ms() const;

  // After close(): nothing is in flight any more, or nobody is there to acknowledge it.
  [[nodiscard]] bool drained() const;

  [[nodiscard]] LinkState state() const { return reported_; }
  [[nodiscard]] domain::Seq acknowledged_seq() const { return acknowledged_seq_; }
  [[nodiscard]] std::size_t in_flight_events() const;
  [[nodiscard]] std::size_t in_flight_bytes() const { return in_flight_bytes_; }
  [[nodiscard]] std::size_t unsettled() const { return consumer_.unsettled(); }

 private:
  enum class Phase : std::uint8_t {
    kDown,       // no connection
    kGreeting,   // HELLO is sent, or due, until WELCOME
    kStreaming,  // WELCOME came
    kEnded,      // fenced, failed, or drained: nothing is sent any more
  };
  struct Batch {
    domain::Seq last_seq;
    std::size_t bytes;
  };

  void dispatch(const Frame& frame, std::int64_t now_ms);
  void on_welcome(const WelcomeFrame& welcome, std::int64_t now_ms);
  void on_ack(domain::Seq seq, std::int64_t now_ms);
  void on_reject(const RejectFrame& reject, std::int64_t now_ms);
  void on_error(const ErrorFrame& error, std::int64_t now_ms);
  void on_fenced(const FencedFrame& fenced, std::int64_t now_ms);
  void on_prove(const ProveFrame& prove, std::int64_t now_ms);
  void on_conflict(const ConflictFrame& conflict, std::int64_t now_ms);
  bool is_our_broker(std::string_view history, domain::Seq last_seq, std::int64_t now_ms);
  bool has_what_we_gave_up(domain::Seq last_seq, std::int64_t now_ms);
  void on_bye(const ByeFrame& bye, std::int64_t now_ms);
  bool dispatch_to_consumer(const Frame& frame, std::int64_t now_ms);
  void on_completed(const CompletedFrame& completed, std::int64_t now_ms);
  void on_pong(const PongFrame& pong, std::int64_t now_ms);

  void say_hello(std::int64_t now_ms);
  void queue(std::string frame, std::int64_t now_ms);
  void greet_again(std::string reason, std::int64_t now_ms);
  void refuse_broker(std::string reason, std::int64_t now_ms);
  void disagree(LinkConflict conflict, std::int64_t now_ms);
  void wait_for_people(LinkState state, std::string reason, std::int64_t now_ms);
  [[nodiscard]] bool is_waiting_for_people() const;
  void end(LinkState state, std::string reason);
  void begin_greeting();
  void drop_session();
  void report(LinkState state, std::string reason);

  struct Cut {
    std::size_t events = 0;
    std::size_t bytes = 0;
  };
  Cut cut_to_fit(const PublishBatch& batch);
  void acknowledge(domain::Seq seq);
  void resume_after(domain::Seq seq);
  void send_again_from(domain::Seq seq);
  [[nodiscard]] std::int64_t ping_due_ms() const;
  [[nodiscard]] std::int64_t backed_off(int doublings) const;
  [[nodiscard]] std::int64_t jittered(std::int64_t ms) const;
  void check_invariants() const;

  const RelaySessionOptions options_;
  const Random random_;
  LinkObserver& observer_;
  ConsumerHalf consumer_;

  Phase phase_ = Phase::kDown;
  LinkState reported_ =
      LinkState::kConnecting;  // kIncompatible, kConflict: until a WELCOME cures it
  std::string reported_reason_;
  bool closing_ = false;
  std::deque<std::string> frames_;  // to send
  Document document_;               // scratch

  // Where the outbox stands, over all sessions.
  domain::Seq next_seq_;
  domain::Seq first_kept_ = 1;
  domain::Seq highest_seq_;           // what a broker can have at most: sent, or older than we are
  domain::Seq acknowledged_seq_ = 0;  // told to the observer
  domain::Seq connection_acked_seq_ = 0;  // known to be durable at this connection's other end

  // Before WELCOME.
  bool accept_loss_;                         // until the broker has all that was completed here
  std::string history_;                      // of the broker that we were connected to last
  std::optional<domain::Seq> wanted_proof_;  // the broker asked for it
  domain::Seq proof_seq_ = 0;                // what the next HELLO proves
  std::uint64_t proof_chain_ = 0;

  // The session: acked_seq_ <= sent_seq_ <= highest_seq_ < next_seq_.
  domain::Seq acked_seq_ = 0;
  domain::Seq sent_seq_ = 0;
  std::deque<Batch> in_flight_;
  std::size_t in_flight_bytes_ = 0;
  std::set<domain::Seq> withdrawn_;  // refused by the broker; published as withdrawn
  std::size_t window_events_ = 0;    // the smaller of ours and the broker's
  std::size_t window_bytes_ = 0;
  std::size_t publish_events_ = 0;
  std::size_t publish_bytes_ = 0;
  std::size_t max_envelope_bytes_ = 0;

  // Times.
  std::int64_t hello_due_ms_ = 0;      // kGreeting
  std::int64_t heard_ms_ = 0;          // kStreaming
  std::int64_t queued_ms_ = 0;         // kStreaming: when a frame was last made
  std::int64_t pinged_ms_ = 0;         // kStreaming
  std::int64_t progress_ms_ = 0;       // kStreaming: since when an ACK is waited for
  std::int64_t waiting_since_ms_ = 0;  // oldest entry that is not sent yet
  std::int64_t read_again_ms_ = 0;     // not before: the outbox had nothing, or nothing that fits
  std::int64_t ack_timeout_ms_;        // doubles until there is progress
  std::uint64_t greetings_ = 0;        // HELLOs of this process
  std::uint64_t first_greeting_ = 1;   // since there is no session
  int hellos_ = 0;                     // unanswered
  int failures_ = 0;                   // sessions that ended badly since the last progress
};

}  // namespace outboxd::transport
