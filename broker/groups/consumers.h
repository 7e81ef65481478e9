// Who consumes in a group, and what each of them has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "broker/groups/event_table.h"
#include "broker/groups/producer_names.h"

namespace outboxd::broker {

// The consumer of a delivery is the producer whose session subscribed.
using ConsumerIndex = ProducerIndex;

// Delivery tags, unique for ever at one broker: the high bits count its starts.
class TagSource {
 public:
  // 2^40 tags are more than a year at 30,000 deliveries a second.
  static constexpr unsigned kCounterBits = 40;

  explicit TagSource(std::uint64_t start_count) : next_((start_count << kCounterBits) + 1) {}

  std::uint64_t next() { return next_++; }

 private:
  std::uint64_t next_;
};

// An event that a consumer has.
struct Flight {
  EventIndex event = kNoEvent;
  ConsumerIndex consumer = 0;
  bool suspect = false;  // its last consumer died
};

// The consumers with their credit, taken in turn, and the deliveries that are not settled. No
// consumer has more of these than its credit was when it got the last, and at most one suspect: an
// event that kills its consumers shall not take the same others with it each time.
class Consumers {
 public:
  // Adds the consumer, or changes its credit, which is above 0.
  void subscribe(ConsumerIndex consumer, std::size_t credit);

  // Removes the consumer. Returns the events that it had, in the order of their tags; empty when it
  // is none.
  std::vector<EventIndex> remove(ConsumerIndex consumer);

  // True when some consumer can take another event; a suspect if `suspect`.
  [[nodiscard]] bool can_take(bool suspect) const;

  // How many events all of them can take.
  [[nodiscard]] std::size_t free_credit() const { return free_credit_; }

  // Gives `event` to the next consumer that can take it; there must be one.
  ConsumerIndex hand_out(std::uint64_t tag, EventIndex event, bool suspect);

  // The delivery of that tag, or null.
  [[nodiscard]] const Flight* find(std::uint64_t tag) const;

  // Ends the delivery of that tag, which must exist.
  void settle(std::uint64_t tag);

  [[nodiscard]] std::size_t size() const { return consumers_.size(); }
  [[nodiscard]] std::size_t in_flight() const { return flights_.size(); }

 private:
  struct Consumer {
    ConsumerIndex index = 0;
    std::size_t credit = 0;
    std::size_t in_flight = 0;
    std::size_t suspects = 0;

    [[nodiscard]] std::size_t free() const { return credit > in_flight ? credit - in_flight : 0; }
    [[nodiscard]] bool can_take(bool suspect) const {
      return free() > 0 && !(suspect && suspects > 0);
    }
  };

  Consumer* find_consumer(ConsumerIndex consumer);

  std::vector<Consumer> consumers_;
  std::size_t turn_ = 0;  // whose turn it is
  std::size_t free_credit_ = 0;
  std::unordered_map<std::uint64_t, Flight> flights_;  // by tag
};

}  // namespace outboxd::broker
