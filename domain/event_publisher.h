// The port by which use cases publish their events.
#pragma once

#include <vector>

#include "domain/event.h"
#include "domain/ids.h"
#include "domain/unit_of_work.h"

namespace outboxd::domain {

// Publishes the events of one use case inside its unit of work (the phase before commit).
class EventPublisher {
 public:
  virtual ~EventPublisher() = default;

  // Publishes `events` in order. Returns the sequence number of each. An error aborts the use case
  // with nothing written: bad_request or too_large when an event cannot be encoded within its
  // limits, outbox_full when the backlog is at its quota.
  virtual Result<std::vector<Seq>> publish(std::vector<DomainEvent> events, UnitOfWork& work) = 0;
};

}  // namespace outboxd::domain
