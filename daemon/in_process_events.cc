#include "daemon/in_process_events.h"

#include <algorithm>
#include <exception>

#include "systemd/log.h"

namespace outboxd::daemon {

using domain::DomainEvent;
using domain::Status;

void InProcessEvents::after_commit(std::string type, Listener listener) {
  listeners_.emplace_back(std::move(type), std::move(listener));
}

domain::Result<std::vector<domain::Seq>> InProcessEvents::publish(std::vector<DomainEvent> events,
                                                                  domain::UnitOfWork& work) {
  for (const DomainEvent& event : events) {
    if (has_listener(event.type)) published_.push_back(event);
  }
  return before_commit_.publish(std::move(events), work);
}

GroupCommit::WhenDurable InProcessEvents::unit_ended(bool accepted) {
  if (published_.empty()) return {};
  std::vector<DomainEvent> events = std::exchange(published_, {});
  if (!accepted) return {};
  return [this, committed = std::move(events)](const Status& /*durable*/) {
    for (const DomainEvent& event : committed) tell(event);
  };
}

bool InProcessEvents::has_listener(const std::string& type) const {
  return std::any_of(listeners_.begin(), listeners_.end(),
                     [&](const auto& each) { return each.first == type; });
}

void InProcessEvents::tell(const DomainEvent& event) {
  for (const auto& [type, listener] : listeners_) {
    if (type != event.type) continue;
    try {
      const Status status = listener(event);
      status ? void(is_failing_ = false) : note_failure(event, status.error().message);
    } catch (const std::exception& error) {
      note_failure(event, error.what());
    }
  }
}

// Logged once, until it works again: a side step that fails for every sale must not fill the log.
void InProcessEvents::note_failure(const DomainEvent& event, const std::string& reason) {
  ++failures_;
  if (std::exchange(is_failing_, true)) return;
  systemd::log_warning("what follows a commit has failed; the commit itself stands",
                       {{"event", event.type}, {"key", event.key}, {"reason", reason}});
}

}  // namespace outboxd::daemon
