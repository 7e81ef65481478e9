#include "daemon/event_tail.h"

#include <utility>

#include "transport/msgpack/envelope.h"

namespace outboxd::daemon {
namespace {

constexpr std::size_t kEventsPerStep =
    256;  // of one subscriber, so that none holds the core thread up

}  // namespace

domain::Status EventTail::subscribe(transport::ConnectionId connection, std::string topic,
                                    domain::Seq from_seq) {
  if (!subscribers_.try_emplace(connection, Subscriber{std::move(topic), from_seq}).second) {
    return domain::Error{domain::ErrorCode::kInvalidState,
                         "this connection has a tail already; open another connection",
                         {}};
  }
  return domain::ok_status();
}

void EventTail::offer(const domain::SealedGroup& group) {
  if (group.entries().empty()) return;
  for (auto& [connection, subscriber] : subscribers_) {
    for (const domain::OutboxEntry& entry : group.entries()) {
      if (entry.seq != subscriber.next_seq || !send(connection, subscriber, entry)) break;
      ++subscriber.next_seq;
    }
  }
}

bool EventTail::catch_up(domain::Seq next_seq) {
  bool behind = false;
  for (auto& [connection, subscriber] : subscribers_) {
    if (subscriber.next_seq < next_seq) advance(connection, subscriber, next_seq);
    behind |= subscriber.next_seq < next_seq;
  }
  return behind;
}

void EventTail::advance(transport::ConnectionId connection, Subscriber& subscriber,
                        domain::Seq next_seq) {
  std::size_t visited = 0;
  bool blocked = false;
  const domain::Status status =
      reader_.scan_outbox(subscriber.next_seq, [&](const domain::OutboxEntry& entry) {
        if (entry.seq > subscriber.next_seq &&
            !send_missed(connection, subscriber.next_seq, entry.seq - 1)) {
          blocked = true;
          return false;
        }
        subscriber.next_seq = entry.seq;
        blocked = !send(connection, subscriber, entry);
        if (blocked) return false;
        ++subscriber.next_seq;
        return ++visited < kEventsPerStep;
      });
  if (!status) return;  // the outbox cannot be read: status and log say so, the tail just stops
  const bool reached_the_end = !blocked && visited < kEventsPerStep;
  if (reached_the_end && subscriber.next_seq < next_seq &&
      send_missed(connection, subscriber.next_seq, next_seq - 1)) {
    subscriber.next_seq = next_seq;
  }
}

bool EventTail::send(transport::ConnectionId connection, const Subscriber& subscriber,
                     const domain::OutboxEntry& entry) {
  if (!subscriber.topic.empty() && subscriber.topic != entry.topic) return true;
  const auto envelope = transport::decode_envelope(entry.envelope, document_);
  if (!envelope) return true;  // verify() finds it; a tail is no place to stop for it
  std::string params;
  transport::Writer writer(params);
  writer.array(1);
  transport::write_event(writer, producer_, entry.seq, *envelope);
  return server_.notify(connection, "event", params);
}

bool EventTail::send_missed(transport::ConnectionId connection, domain::Seq from_seq,
                            domain::Seq to_seq) {
  std::string params;
  transport::Writer writer(params);
  writer.array(1).map(2).field("from_seq", from_seq).field("to_seq", to_seq);
  return server_.notify(connection, "missed", params);
}

}  // namespace outboxd::daemon
