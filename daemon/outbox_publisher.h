// Publishes events by writing them to the outbox, in the batch of the state that they are about
// (G2).
#pragma once

#include <cstdint>

#include "domain/event_publisher.h"
#include "domain/store.h"

namespace outboxd::daemon {

// The before-commit listener of the transactional outbox. Core thread only.
class OutboxPublisher : public domain::EventPublisher {
 public:
  // `max_backlog` is how many entries may wait for the broker; `backlog` tells how many do.
  struct Backlog {
    std::uint64_t max_entries = 0;
    std::uint64_t entries = 0;
  };
  explicit OutboxPublisher(const Backlog& backlog) : backlog_(backlog) {}

  domain::Result<std::vector<domain::Seq>> publish(std::vector<domain::DomainEvent> events,
                                                   domain::UnitOfWork& work) override;

 private:
  const Backlog& backlog_;
};

}  // namespace outboxd::daemon
