// Known bugs, to be put between the application and the store: the checks are trusted only as far
// as they find these.
#pragma once

#include <memory>

#include "domain/store.h"

namespace outboxd::fault {

// Says that a group is durable, and writes it when the next one is sealed.
std::unique_ptr<domain::Store> acknowledge_before_write(domain::Store& store);

// Commits the state of a group, and then its events.
std::unique_ptr<domain::Store> commit_state_and_events_apart(domain::Store& store);

// Takes everything that was ever appended for complete whenever something is.
std::unique_ptr<domain::Store> complete_too_much(domain::Store& store);

// Keeps the writes of a unit of work that was discarded.
std::unique_ptr<domain::Store> accept_what_was_discarded(domain::Store& store);

// Keeps no mark of the events that were processed.
std::unique_ptr<domain::Store> forget_marks(domain::Store& store);

// Tells a repeated request that it is new.
std::unique_ptr<domain::Store> forget_requests(domain::Store& store);

}  // namespace outboxd::fault
