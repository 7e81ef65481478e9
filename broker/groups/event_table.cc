#include "broker/groups/event_table.h"

#include "domain/check.h"

namespace outboxd::broker {

EventIndex EventTable::add() {
  ++used_;
  if (free_ == kNoEvent) {
    OUTBOXD_CHECK(events_.size() < kNoEvent);
    events_.emplace_back();
    return static_cast<EventIndex>(events_.size() - 1);
  }
  const EventIndex index = free_;
  free_ = events_[index].next;
  events_[index] = OpenEvent{};
  return index;
}

void EventTable::remove(EventIndex index) {
  --used_;
  if (used_ == 0) {
    // What a million waiting events took is given back when the last of them is done.
    events_.clear();
    events_.shrink_to_fit();
    free_ = kNoEvent;
    return;
  }
  events_[index] = OpenEvent{};
  events_[index].next = free_;
  free_ = index;
}

}  // namespace outboxd::broker
