// The order of events of one key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "broker/groups/event_table.h"

namespace outboxd::broker {

// The 64 bits that stand for (producer, key) in memory and on disk. It must never change. Two keys
// that share them wait for each other needlessly, and nothing worse.
std::uint64_t key_hash(std::string_view origin, std::string_view key);

// One queue per key, linked through the events themselves; a key costs 16 bytes while it has
// events, and no allocation. G7: only the head of a queue may be with a consumer.
class KeyQueues {
 public:
  explicit KeyQueues(EventTable& events) : events_(events) {}

  // Appends the event to the queue of its key. True when it is the only one there.
  bool push(EventIndex event);

  // Removes `head`, which must be at the head of its queue. Returns the new head, or kNoEvent.
  EventIndex pop(EventIndex head);

  // The ends of the queue of `key`; kNoEvent when it has no events.
  [[nodiscard]] EventIndex head(std::uint64_t key) const;
  [[nodiscard]] EventIndex tail(std::uint64_t key) const;

  [[nodiscard]] std::size_t size() const { return used_; }

 private:
  struct Queue {
    std::uint64_t key = 0;
    EventIndex head = kNoEvent;  // kNoEvent: this slot is free
    EventIndex tail = kNoEvent;
  };

  [[nodiscard]] std::size_t slot_of(std::uint64_t key) const;
  void resize(std::size_t slots);
  void erase(std::size_t slot);

  EventTable& events_;
  std::vector<Queue> queues_;  // open addressing; the size is a power of 2, or 0
  std::size_t used_ = 0;
};

}  // namespace outboxd::broker
