#include "broker/groups/consumers.h"

#include <algorithm>
#include <utility>

#include "domain/check.h"

namespace outboxd::broker {

Consumers::Consumer* Consumers::find_consumer(ConsumerIndex consumer) {
  const auto found = std::find_if(consumers_.begin(), consumers_.end(),
                                  [consumer](const Consumer& c) { return c.index == consumer; });
  return found == consumers_.end() ? nullptr : &*found;
}

void Consumers::subscribe(ConsumerIndex consumer, std::size_t credit) {
  OUTBOXD_CHECK(credit > 0);
  Consumer* known = find_consumer(consumer);
  if (known == nullptr) known = &consumers_.emplace_back(Consumer{.index = consumer});
  free_credit_ -= known->free();
  known->credit = credit;
  free_credit_ += known->free();
}

std::vector<EventIndex> Consumers::remove(ConsumerIndex consumer) {
  const Consumer* known = find_consumer(consumer);
  if (known == nullptr) return {};
  free_credit_ -= known->free();
  consumers_.erase(consumers_.begin() + (known - consumers_.data()));
  std::vector<std::pair<std::uint64_t, EventIndex>> had;
  for (auto flight = flights_.begin(); flight != flights_.end();) {
    if (flight->second.consumer == consumer) {
      had.emplace_back(flight->first, flight->second.event);
      flight = flights_.erase(flight);
    } else {
      ++flight;
    }
  }
  std::sort(had.begin(), had.end());
  std::vector<EventIndex> events;
  events.reserve(had.size());
  for (const auto& [tag, event] : had) events.push_back(event);
  return events;
}

bool Consumers::can_take(bool suspect) const {
  if (free_credit_ == 0) return false;
  return !suspect || std::any_of(consumers_.begin(), consumers_.end(),
                                 [](const Consumer& c) { return c.can_take(true); });
}

ConsumerIndex Consumers::hand_out(std::uint64_t tag, EventIndex event, bool suspect) {
  for (std::size_t tried = 0; tried < consumers_.size(); ++tried) {
    Consumer& consumer = consumers_[turn_++ % consumers_.size()];
    if (!consumer.can_take(suspect)) continue;
    ++consumer.in_flight;
    --free_credit_;
    if (suspect) ++consumer.suspects;
    flights_.emplace(tag, Flight{event, consumer.index, suspect});
    return consumer.index;
  }
  domain::check_failed("a consumer can take the event", __FILE__, __LINE__);
}

const Flight* Consumers::find(std::uint64_t tag) const {
  const auto flight = flights_.find(tag);
  return flight == flights_.end() ? nullptr : &flight->second;
}

void Consumers::settle(std::uint64_t tag) {
  const auto flight = flights_.find(tag);
  OUTBOXD_CHECK(flight != flights_.end());
  Consumer* consumer = find_consumer(flight->second.consumer);
  OUTBOXD_CHECK(consumer != nullptr && consumer->in_flight > 0);
  free_credit_ -= consumer->free();
  --consumer->in_flight;
  free_credit_ += consumer->free();
  if (flight->second.suspect) --consumer->suspects;
  flights_.erase(flight);
}

}  // namespace outboxd::broker
