// Events inside the process: what happens before a commit, and what happens because of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/group_commit.h"
#include "domain/event_publisher.h"

namespace outboxd::daemon {

// Two phases:
//
//   before commit   the publisher that the composition root chose (the outbox's, which turns events
//                   into entries of the same batch). When it fails, the use case is aborted and
//                   nothing is written
//   after commit    listeners, by the type of an event, once the group of the use case is durable.
//                   No broker and no disk are involved, and replies do not wait for them: they are
//                   side steps, whose failure is counted and logged and harms nobody
//
// Events that nobody listens to are passed through without a copy. Core thread only.
class InProcessEvents final : public domain::EventPublisher {
 public:
  // An error is told to people, and that is all.
  using Listener = std::function<domain::Status(const domain::DomainEvent&)>;

  // `before_commit` outlives it.
  explicit InProcessEvents(domain::EventPublisher& before_commit) : before_commit_(before_commit) {}

  // `listener` is told each event of `type` that was committed from now on.
  void after_commit(std::string type, Listener listener);

  domain::Result<std::vector<domain::Seq>> publish(std::vector<domain::DomainEvent> events,
                                                   domain::UnitOfWork& work) override;

  // A unit of work has ended. What it returns, if anything, is to be called when its group is
  // durable. For Core::at_unit_end.
  GroupCommit::WhenDurable unit_ended(bool accepted);

  // How often a listener has failed.
  [[nodiscard]] std::uint64_t failures() const { return failures_; }

 private:
  [[nodiscard]] bool has_listener(const std::string& type) const;
  void tell(const domain::DomainEvent& event);
  void note_failure(const domain::DomainEvent& event, const std::string& reason);

  domain::EventPublisher& before_commit_;
  std::vector<std::pair<std::string, Listener>> listeners_;
  std::vector<domain::DomainEvent> published_;  // by the unit of work that runs
  std::uint64_t failures_ = 0;
  bool is_failing_ = false;  // the listener that was told last has failed
};

}  // namespace outboxd::daemon
