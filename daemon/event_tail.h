// Streams events to clients as they become durable (`events.tail`).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "domain/outbox_entry.h"
#include "domain/store.h"
#include "transport/ipc/server.h"
#include "transport/msgpack/value.h"

namespace outboxd::daemon {

// Notifies subscribers of events: `event` with the event itself, and `missed` {from_seq, to_seq}
// where events were completed and removed before a subscriber that reads slowly, or started far
// back, came to them. A subscriber that cannot keep up is never waited for: what it lacks is read
// from the outbox later. Core thread only.
class EventTail {
 public:
  EventTail(transport::Server& server, domain::DurableReader& reader, std::string producer)
      : server_(server), reader_(reader), producer_(std::move(producer)) {}

  // Starts a subscription from `from_seq` on; an empty `topic` means all. Error: invalid_state when
  // the connection has one already.
  domain::Status subscribe(transport::ConnectionId connection, std::string topic,
                           domain::Seq from_seq);

  void forget(transport::ConnectionId connection) { subscribers_.erase(connection); }

  // A group has become durable: who is up to date gets its events from memory.
  void offer(const domain::SealedGroup& group);

  // Brings subscribers that are behind `next_seq` closer, a bounded step each. True when some are
  // still behind.
  bool catch_up(domain::Seq next_seq);

 private:
  struct Subscriber {
    std::string topic;
    domain::Seq next_seq;
  };

  bool send(transport::ConnectionId connection, const Subscriber& subscriber,
            const domain::OutboxEntry& entry);
  bool send_missed(transport::ConnectionId connection, domain::Seq from_seq, domain::Seq to_seq);
  void advance(transport::ConnectionId connection, Subscriber& subscriber, domain::Seq next_seq);

  transport::Server& server_;
  domain::DurableReader& reader_;
  const std::string producer_;
  std::map<transport::ConnectionId, Subscriber> subscribers_;
  transport::Document document_;  // scratch
};

}  // namespace outboxd::daemon
