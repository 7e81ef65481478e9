// Consuming events over a client's connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/client.h"

namespace outboxd::client {

struct Delivery {
  std::uint64_t tag = 0;      // names this delivery to the daemon, until it is settled
  std::uint32_t attempt = 1;  // counted from 1; more: an earlier one failed
  Json event;
};

// What became of a delivery that has no effect to commit.
enum class Outcome : std::uint8_t {
  kAck,    // done with
  kRetry,  // it failed, and is to be delivered again after a while
  kDead,   // it can never succeed: it becomes a dead letter of the group
};

// Events of topics for groups, one delivery after the other. Each is delivered at least once; what
// makes its effect happen once is `commit`, which stores the effect and the settlement together.
//
// A delivery that is not settled when the connection ends is delivered again, to this or another
// consumer of the group: connect, subscribe and go on.
//
// Thread contract and failures are those of the client, which outlives the consumer and may be used
// for other calls at the same time. Notifications that are no deliveries are passed over, so a
// connection that consumes is not one to tail events with.
class Consumer {
 public:
  explicit Consumer(Client& client) : client_(client) {}

  // Asks for the events of `topic` on behalf of `group`, at most `credit` unsettled at a time. With
  // a credit of 0 no more come.
  Status subscribe(std::string_view topic, std::string_view group, std::uint64_t credit);

  // The next delivery; without one within the timeout, a `timeout` that leaves everything as it is.
  Result<Delivery> next(std::chrono::milliseconds timeout);

  // Commits `transaction` (the arguments of tx.commit) and settles the delivery with it, both or
  // neither. Returns the outcome of tx.commit. When the outcome is unknown the event comes again
  // unless it was committed, and so the same request_id should be used for it: one that is made of
  // the event's source and seq.
  Result<Json> commit(const Delivery& delivery, Json transaction);

  // Settles a delivery whose effect is none, or elsewhere. `reason` says why it is to be retried or
  // is dead. A tag that the daemon does not know is a refusal.
  Status settle(const Delivery& delivery, Outcome outcome, std::string_view reason = {});

 private:
  Client& client_;
};

}  // namespace outboxd::client
