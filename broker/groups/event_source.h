// Where a consumer group's events come from.
#pragma once

#include <functional>
#include <optional>

#include "broker/engine.h"
#include "domain/result.h"

namespace outboxd::broker {

// Port to the topic and the deferred table of one group; only what is durable is seen. Errors mean
// that the disk cannot be read: nothing that the group says from then on would be true.
class EventSource {
 public:
  virtual ~EventSource() = default;

  // Calls `visit` with the topic's events from `from` on, in order, until it returns false or there
  // are no more. A topic that does not exist has no events.
  virtual domain::Status read(Offset from,
                              const std::function<bool(const StoredEvent&)>& visit) = 0;

  // The offset that the topic's next event will have; 1 while there is no topic.
  virtual Offset end() = 0;

  // The record of a deferred event, with its history; nothing when there is none.
  virtual domain::Result<std::optional<DeferredEvent>> deferred(Offset offset) = 0;
};

}  // namespace outboxd::broker
