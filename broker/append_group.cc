#include "broker/append_group.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "domain/check.h"

namespace outboxd::broker {
namespace {

// What a change takes in memory and in a batch; the fixed parts are of no account.
std::size_t bytes_of(const GroupChange& change) {
  constexpr std::size_t kRecordBytes = 64;
  std::size_t bytes = 8 * (change.done.size() + change.undone.size() + change.undefer.size());
  for (const DeferredEvent& event : change.defer) bytes += kRecordBytes + event.envelope.size();
  for (const DeadLetter& letter : change.bury) bytes += kRecordBytes + letter.envelope.size();
  return bytes;
}

}  // namespace

AppendGroup::AppendGroup() : bytes_(new char[kCapacity]) {}

void AppendGroup::add(const transport::AppendRequest& request) {
  OUTBOXD_CHECK(!full());
  const std::size_t position = position_of(request);
  for (const transport::AcceptedEvent& event : request.events) {
    const std::string_view envelope = copy(event.envelope);
    // The topic's view lies in the envelope when its admission read it from there.
    const std::less_equal<const char*> not_after;
    const bool inside = not_after(event.envelope.data(), event.topic.data()) &&
                        not_after(event.topic.data() + event.topic.size(),
                                  event.envelope.data() + event.envelope.size());
    const std::string_view topic =
        inside
            ? envelope.substr(static_cast<std::size_t>(event.topic.data() - event.envelope.data()),
                              event.topic.size())
            : copy(event.topic);
    const bool same_topic = !batch_.events.empty() && batch_.events.back().topic == topic;
    if (!same_topic && !topics_.contains(topic)) topics_.emplace(topic);
    batch_.events.push_back({position, event.seq, topic, envelope});
  }
}

void AppendGroup::add(GroupChange change) {
  OUTBOXD_CHECK(!full());
  group_bytes_ += bytes_of(change);
  batch_.groups.push_back(std::move(change));
}

std::size_t AppendGroup::position_of(const transport::AppendRequest& request) {
  const auto place = positions_.find(request.producer);
  if (place == positions_.end()) {
    const std::size_t index = batch_.positions.size();
    positions_.emplace(request.producer, index);
    batch_.positions.push_back({std::string(request.producer), request.epoch, request.last_seq,
                                std::string(request.store), request.chain});
    return index;
  }
  ProducerPosition& position = batch_.positions[place->second];
  OUTBOXD_CHECK(request.epoch >= position.epoch && request.last_seq >= position.last_seq);
  position.epoch = request.epoch;
  position.last_seq = request.last_seq;
  position.store = request.store;
  position.chain = request.chain;
  return place->second;
}

std::string_view AppendGroup::copy(std::string_view text) {
  OUTBOXD_CHECK(text.size() <= kCapacity - used_);
  char* const to = bytes_.get() + used_;
  std::copy(text.begin(), text.end(), to);
  used_ += text.size();
  return {to, text.size()};
}

void AppendGroup::clear() {
  used_ = 0;
  group_bytes_ = 0;
  touched_ = false;
  batch_.positions.clear();
  batch_.events.clear();
  batch_.groups.clear();
  topics_.clear();
  positions_.clear();
}

}  // namespace outboxd::broker
