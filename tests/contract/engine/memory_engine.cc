#include "tests/contract/engine/memory_engine.h"

#include <algorithm>
#include <utility>

#include "transport/link/group_name.h"

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
  for (const GroupChange& change : batch.groups) apply(change);
  contents_.elapsed_ms = std::max(contents_.elapsed_ms, batch.elapsed_ms);
  return domain::ok_status();
}

void MemoryEngine::apply(const GroupChange& change) {
  Group& group = contents_.groups[change.id];
  group.cursor = change.cursor.value_or(group.cursor);
  for (const auto& [producer, seq] : change.passed) group.passed[producer] = seq;
  group.done.insert(change.done.begin(), change.done.end());
  for (const Offset offset : change.undone) group.done.erase(offset);
  for (const DeferredEvent& event : change.defer) group.deferred[event.offset] = event;
  for (const Offset offset : change.undefer) group.deferred.erase(offset);
  if (change.bury.empty() && change.discard.empty()) return;
  auto& dead = contents_.topics[transport::dead_topic(change.id.topic, change.id.group)];
  for (const DeadLetter& letter : change.bury) {
    dead.push_back({letter.producer, letter.seq, letter.envelope, letter});
  }
  for (const Offset offset : change.discard) {
    if (offset >= 1 && offset <= dead.size()) dead[offset - 1].discarded = true;
  }
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

std::optional<TopicInfo> MemoryEngine::topic(std::string_view topic) const {
  const std::lock_guard lock(mutex_);
  const auto place = contents_.topics.find(topic);
  if (place == contents_.topics.end()) return std::nullopt;
  return TopicInfo{place->first, 1, place->second.size() + 1};
}

domain::Status MemoryEngine::read(std::string_view topic, Offset from,
                                  const std::function<bool(const StoredEvent&)>& visit) const {
  {
    const std::lock_guard lock(mutex_);
    if (!contents_.topics.contains(topic)) {
      return domain::Error{domain::ErrorCode::kNotFound, "there is no topic " + std::string(topic),
                           "topic"};
    }
  }
  const std::vector<Event> events = events_of(topic);
  for (Offset offset = std::max<Offset>(from, 1); offset <= events.size(); ++offset) {
    const Event& event = events[offset - 1];
    if (event.discarded) continue;
    const std::string_view reason = event.letter ? event.letter->reason : std::string_view();
    if (!visit({offset, event.producer, event.seq, event.envelope, reason})) break;
  }
  return domain::ok_status();
}

// A copy, for whoever visits it may take long or call us back.
std::vector<MemoryEngine::Event> MemoryEngine::events_of(std::string_view topic) const {
  const std::lock_guard lock(mutex_);
  const auto place = contents_.topics.find(topic);
  return place == contents_.topics.end() ? std::vector<Event>() : place->second;
}

std::uint64_t MemoryEngine::starts() const {
  const std::lock_guard lock(mutex_);
  return contents_.starts;
}

domain::Result<std::vector<GroupState>> MemoryEngine::groups() const {
  const std::lock_guard lock(mutex_);
  std::vector<GroupState> states;
  for (const auto& [id, group] : contents_.groups) {
    GroupState& state = states.emplace_back();
    state.id = id;
    state.cursor = group.cursor;
    state.passed.assign(group.passed.begin(), group.passed.end());
    state.done.assign(group.done.begin(), group.done.end());
    for (const auto& [offset, event] : group.deferred) {
      state.deferred.push_back(event);
      state.deferred.back().history.clear();
      state.deferred.back().envelope.clear();
    }
  }
  return states;
}

domain::Result<std::optional<DeferredEvent>> MemoryEngine::deferred(const GroupId& group,
                                                                    Offset offset) const {
  const std::lock_guard lock(mutex_);
  const auto known = contents_.groups.find(group);
  if (known == contents_.groups.end()) return std::optional<DeferredEvent>();
  const auto event = known->second.deferred.find(offset);
  if (event == known->second.deferred.end()) return std::optional<DeferredEvent>();
  return std::optional<DeferredEvent>(event->second);
}

domain::Status MemoryEngine::read_dead(const GroupId& group, Offset from,
                                       const LetterVisitor& visit) const {
  const std::vector<Event> events = events_of(transport::dead_topic(group.topic, group.group));
  for (Offset offset = std::max<Offset>(from, 1); offset <= events.size(); ++offset) {
    const Event& event = events[offset - 1];
    if (!event.discarded && event.letter && !visit(offset, *event.letter)) break;
  }
  return domain::ok_status();
}

std::uint64_t MemoryEngine::count_dead(const GroupId& group) const {
  const std::vector<Event> events = events_of(transport::dead_topic(group.topic, group.group));
  return static_cast<std::uint64_t>(std::count_if(
      events.begin(), events.end(), [](const Event& event) { return !event.discarded; }));
}

}  // namespace outboxd::broker
