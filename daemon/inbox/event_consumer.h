// What consumes events: the domain modules, and the daemon's local clients.
#pragma once

#include <cstdint>
#include <string>

#include "domain/ids.h"

namespace outboxd::daemon {

// One event on its way to one consumer group. (producer, life, seq) identifies the event for ever.
struct InboxEvent {
  std::string topic;
  std::string group;
  std::uint32_t attempt = 1;  // how often the group was given it, this time included (G11)
  std::string producer;
  std::uint64_t life = 0;  // of the producer (domain/origin.h)
  domain::Seq seq = 0;
  std::string envelope;  // transport::decode_envelope reads it
  std::string reason;    // why it died; only on topics of dead letters ("dead:…")
};

// Names one delivery that is being worked on. Never used twice by one daemon, over restarts either,
// so that an id from an earlier life cannot settle another event. Local clients know it as the
// delivery's tag.
enum class DeliveryId : std::uint64_t {};

// A consumer of one (topic, group). Core thread.
class EventConsumer {
 public:
  virtual ~EventConsumer() = default;

  // Takes one event that this group has no processed mark for. Must end in exactly one call of
  // Inbox::commit, pass_over, retry or bury for `delivery`: now, or later on the core thread. The
  // same event is not given again before that. `event` is valid during the call.
  virtual void consume(const InboxEvent& event, DeliveryId delivery) = 0;
};

}  // namespace outboxd::daemon
