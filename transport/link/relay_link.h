// The daemon's end of the broker link: one thread, one ZeroMQ DEALER, one relay session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "domain/clock.h"
#include "domain/ids.h"
#include "domain/result.h"

namespace outboxd::transport {

// Entries for one PUBLISH, in order and without gaps from `first_seq` on. An empty envelope stands
// for an entry that was withdrawn (it went to the dead letters before it was published): the broker
// only counts it.
struct PublishBatch {
  domain::Seq first_seq = 0;
  std::vector<std::string> envelopes;
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
};

enum class LinkState : std::uint8_t {
  kOff,           // no broker is configured
  kConnecting,    // no broker answers
  kConnected,     // HELLO was answered with WELCOME
  kFenced,        // another process took this producer over: nothing more is sent
  kIncompatible,  // the broker speaks another version, or the two disagree about what was delivered
};

std::string_view name_of(LinkState state);

// What the link finds out. Called on the link thread.
class LinkObserver {
 public:
  virtual ~LinkObserver() = default;

  // `reason` is for people; empty when there is nothing to say.
  virtual void on_link_state(LinkState state, std::string reason) = 0;

  // The broker has everything up to and including `seq` durably. Never moves backwards.
  virtual void on_acknowledged(domain::Seq seq) = 0;

  // The broker refuses `seq` for ever. It counts as delivered afterwards.
  virtual void on_rejected(domain::Seq seq, std::string code, std::string message) = 0;
};

struct RelayLinkOptions {
  std::string endpoint;  // tcp://127.0.0.1:PORT or ipc://PATH
  std::string producer;
  std::uint64_t epoch = 0;            // higher than that of every earlier start (G12)
  std::size_t window_events = 65536;  // unacknowledged at most
  std::size_t window_bytes = 8 << 20;
  std::string software_version;
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

  // Says BYE, gives the broker up to `linger_ms` to acknowledge what is in flight, and joins. Any
  // thread but the link's own.
  void stop(std::int64_t linger_ms = 0);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace outboxd::transport
