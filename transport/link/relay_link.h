// The daemon's end of the broker link: one thread, one ZeroMQ DEALER, one relay session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/clock.h"
#include "domain/ids.h"
#include "domain/result.h"
#include "transport/link/frames.h"

namespace outboxd::transport {

// Entries for one PUBLISH, in order and without gaps from `first_seq` on. An empty envelope stands
// for an entry that was withdrawn (it went to the dead letters before it was published): the broker
// only counts it.
struct PublishBatch {
  domain::Seq first_seq = 0;
  std::vector<std::string> envelopes;

  // The chain value of each (storage/FORMAT.md, "The chain"); 0 where it is not known, and for what
  // is not there.
  std::vector<std::uint64_t> chains = {};
};

// Where the link gets what it publishes. Called on the link thread.
class PublishSource {
 public:
  virtual ~PublishSource() = default;

  // Fills `batch` with durable entries from `from` on: at most `max_events` and about `max_bytes`,
  // none when there are none yet. Error: internal, when the outbox cannot be read; the link stops
  // and says so.
  virtual domain::Status read(domain::Seq from, std::size_t max_events, std::size_t max_bytes,
                              PublishBatch& batch) = 0;

  // The chain value of event `seq`, by which two histories are told apart; 0 when it is not known.
  virtual std::uint64_t chain_at(domain::Seq seq) = 0;

  // The first entry that read() can still give, or the next one when there is none: what is before
  // it was completed and may be gone.
  virtual domain::Seq first_kept() = 0;
};

enum class LinkState : std::uint8_t {
  kOff,           // no broker is configured
  kConnecting,    // no broker answers
  kConnected,     // HELLO was answered with WELCOME
  kFenced,        // another process took this producer over: nothing more is sent
  kIncompatible,  // the broker speaks another version, or says what cannot be
  kConflict,      // the two ends' numbers are of different histories (G13); on_conflict says how
};

std::string_view name_of(LinkState state);

// Why a link is in LinkState::kConflict.
struct LinkConflict {
  std::string code;          // of conflict_code
  std::uint64_t life = 0;    // what the broker has of this producer: the life,
  domain::Seq last_seq = 0;  // and the last event in it
  std::string history;       // the id of the broker's store, where it was said
  std::uint64_t epoch = 0;   // with kFenced: that which took over
  std::string message;       // for people
};

// What this daemon consumes: events of `topic` as a member of `group`, at most `credit` of them
// unsettled. 0 ends it; more than kMaxCredit counts as that.
struct Subscription {
  std::string topic;
  std::string group;
  std::size_t credit = 0;
};

// A Delivery and a Settlement that outlive their frames.
struct OwnedDelivery {
  std::uint64_t tag = 0;
  std::string topic;
  std::string group;
  std::uint32_t attempt = 0;
  std::string producer;
  domain::Seq seq = 0;
  std::string envelope;
  std::string reason;
};

struct OwnedSettlement {
  std::uint64_t tag = 0;
  Outcome outcome = Outcome::kAck;
  std::string reason;  // cut at kMaxReasonBytes
};

// What the link finds out. Called on the link thread.
class LinkObserver {
 public:
  virtual ~LinkObserver() = default;

  // `reason` is for people; empty when there is nothing to say.
  virtual void on_link_state(LinkState state, std::string reason) = 0;

  // Before on_link_state with LinkState::kConflict or kFenced.
  virtual void on_conflict(LinkConflict conflict) { (void)conflict; }

  // A session has begun with the broker whose store is `history`. To be kept, durably, before any
  // acknowledgement of that session is: so that another broker is known as such (G13).
  virtual void on_session(std::string history) { (void)history; }

  // The broker has everything up to and including `seq` durably. Never moves backwards.
  virtual void on_acknowledged(domain::Seq seq) = 0;

  // The broker refuses `seq` for ever. It counts as delivered afterwards.
  virtual void on_rejected(domain::Seq seq, std::string code, std::string message) = 0;

  // Of subscriptions that are in force; never more unsettled ones than their credit. An event that
  // was delivered before and not settled may come again, with a new tag.
  virtual void on_deliveries(std::vector<OwnedDelivery> deliveries) { (void)deliveries; }

  // These settlements (kAck and kDead) are durable at the broker: the group never gets the events
  // again. Not every one of them is told: what the link loses is not repeated.
  virtual void on_settled(std::vector<std::uint64_t> tags) { (void)tags; }

  // All events of `topic` in these ranges are completed. May tell what was told before.
  virtual void on_completed(std::string topic, std::vector<SeqRange> ranges) {
    (void)topic, (void)ranges;
  }

  // The broker does not let this daemon consume that. It is asked again when the link is back after
  // a break.
  virtual void on_subscription_refused(std::string topic, std::string group, std::string code,
                                       std::string message) {
    (void)topic, (void)group, (void)code, (void)message;
  }
};

struct RelayLinkOptions {
  std::string endpoint;  // tcp://127.0.0.1:PORT or ipc://PATH
  std::string producer;
  std::uint64_t epoch = 0;            // higher than that of every earlier start (G12)
  std::size_t window_events = 65536;  // unacknowledged at most
  std::size_t window_bytes = 8 << 20;
  std::string software_version;
  std::uint64_t instance = 0;  // random, of this process: tells it from one with equal epoch
  std::vector<std::pair<std::string, std::string>> completions =
      {};                    // (topic, group): on_completed
  std::string store;         // the id of the outbox's store; empty: it has none
  std::uint64_t life = 0;    // of the producer that this store is
  domain::Seq base_seq = 0;  // the life's events are those behind it
  std::string history;       // the broker's store that was connected to last; empty: none
  bool accept_loss = false;  // people said to go on with a broker that lacks what is completed here
};

// Owns the link thread. `source` and `observer` must outlive it.
class RelayLink {
 public:
  RelayLink(RelayLinkOptions options, const domain::Clock& clock, PublishSource& source,
            LinkObserver& observer);
  ~RelayLink();  // stop()

  // Starts the thread. `next_seq` is the outbox's next sequence number now. Error: bad_request for
  // an endpoint that ZeroMQ refuses.
  domain::Status start(domain::Seq next_seq);

  // Durable entries exist up to `next_seq` - 1. Any thread; cheap, and coalesced when called often.
  void wake(domain::Seq next_seq);

  // Replaces the subscription to the same (topic, group), or ends it with a credit of 0. Kept over
  // lost connections. At most kMaxSubscriptions; more are refused by the broker. Any thread, before
  // start() too.
  void subscribe(Subscription subscription);

  // What became of deliveries, for what concerns the broker: to be called when the effects are
  // durable. Tags of a session that is over are dropped without a word, for their events come again
  // with new ones. Any thread; coalesced when called often.
  void settle(std::vector<OwnedSettlement> settlements);

  // Says BYE, gives the broker up to `linger_ms` to acknowledge what is in flight, and joins. Any
  // thread but the link's own.
  void stop(std::int64_t linger_ms = 0);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace outboxd::transport
