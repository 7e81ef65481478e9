// What waits for its time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "broker/groups/event_table.h"

namespace outboxd::broker {

// Events by the time at which they are to be looked at again; 16 bytes each. An event is in here at
// most once, and leaves by its time only.
class Deadlines {
 public:
  void add(std::int64_t at_ms, EventIndex event) { heap_.emplace(at_ms, event); }

  // The time of the next one; nothing: none waits.
  [[nodiscard]] std::optional<std::int64_t> next_ms() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.top().first;
  }

  // Takes one whose time has come, or returns kNoEvent.
  EventIndex pop_due(std::int64_t now_ms) {
    if (heap_.empty() || heap_.top().first > now_ms) return kNoEvent;
    const EventIndex event = heap_.top().second;
    heap_.pop();
    return event;
  }

 private:
  using Deadline = std::pair<std::int64_t, EventIndex>;
  std::priority_queue<Deadline, std::vector<Deadline>, std::greater<>> heap_;
};

}  // namespace outboxd::broker
