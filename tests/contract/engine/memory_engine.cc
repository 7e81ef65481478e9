#include "tests/contract/engine/memory_engine.h"

#include <algorithm>
#include <utility>

namespace outboxd::broker {

MemoryEngine::Contents MemoryEngine::contents() const {
  const std::lock_guard lock(mutex_);
  return contents_;
}

void MemoryEngine::fail_next_append(domain::Error error) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(error);
}

domain::Status MemoryEngine::append(const AppendBatch& batch) {
  const std::lock_guard lock(mutex_);
  if (failure_) return *std::exchange(failure_, std::nullopt);
  for (const ProducerPosition& position : batch.positions) {
    contents_.producers.insert_or_assign(position.producer, position);
  }
  for (const NewEvent& event : batch.events) {
    contents_.topics[std::string(event.topic)].push_back(
        {batch.positions.at(event.position).producer, event.seq, std::string(event.envelope)});
  }
  return domain::ok_status();
}

std::optional<ProducerPosition> MemoryEngine::producer(std::string_view producer) const {
  const std::lock_guard lock(mutex_);
  const auto place = contents_.producers.find(producer);
  if (place == contents_.producers.end()) return std::nullopt;
  return place->second;
}

std::vector<ProducerPosition> MemoryEngine::producers(std::string_view after,
                                                      std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<ProducerPosition> positions;
  for (auto place = contents_.producers.upper_bound(after);
       place != contents_.producers.end() && positions.size() < limit; ++place) {
    positions.push_back(place->second);
  }
  return positions;
}

std::vector<TopicInfo> MemoryEngine::topics() const {
  const std::lock_guard lock(mutex_);
  std::vector<TopicInfo> infos;
  for (const auto& [name, events] : contents_.topics) infos.push_back({name, 1, events.size() + 1});
  return infos;
}

domain::Status MemoryEngine::read(std::string_view topic, Offset from,
                                  const std::function<bool(const StoredEvent&)>& visit) const {
  std::vector<Event> events;  // a copy, for `visit` may take long or call us back
  {
    const std::lock_guard lock(mutex_);
    const auto place = contents_.topics.find(topic);
    if (place == contents_.topics.end()) {
      return domain::Error{domain::ErrorCode::kNotFound, "there is no topic " + std::string(topic),
                           "topic"};
    }
    events = place->second;
  }
  for (Offset offset = std::max<Offset>(from, 1); offset <= events.size(); ++offset) {
    const Event& event = events[offset - 1];
    if (!visit({offset, event.producer, event.seq, event.envelope})) break;
  }
  return domain::ok_status();
}

}  // namespace outboxd::broker
