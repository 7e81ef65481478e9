// How a group reads its topic and its deferred table.
#include <algorithm>
#include <limits>

#include "broker/groups/consumer_group.h"
#include "domain/check.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::broker {
namespace {

// The time to live that an event brings with it.
std::int64_t ttl_of(const domain::Result<transport::Envelope>& envelope,
                    const RetryPolicy& policy) {
  if (envelope && envelope->ttl_ms) return std::max<std::int64_t>(*envelope->ttl_ms, 0);
  return policy.message_ttl_ms.value_or(kTtlNever);
}

}  // namespace

bool ConsumerGroup::read_more(std::int64_t now_ms) {
  if (!more_ || dirty_.size() >= options_.limits.dirty) return false;
  // What was deferred before a restart, and lies behind the cursor, is reached by reading only.
  if (deferred_ >= options_.limits.deferred && restored_.empty()) return false;
  const auto full = [this] {
    return cache_.size() >= options_.limits.cached_events ||
           cache_.bytes() >= options_.limits.cached_bytes ||
           window_.size() >= options_.limits.window;
  };
  if (full()) relieve();
  if (full()) return false;
  if (read_ahead(now_ms)) return true;
  if (failure_) return false;
  const std::size_t limit = std::min(options_.limits.read_events, consumers_.free_credit());
  std::size_t events = 0;
  std::size_t bytes = 0;
  const domain::Status status = source_.read(window_.next(), [&](const StoredEvent& stored) {
    accept(stored, now_ms);
    bytes += stored.envelope.size();
    return ++events < limit && bytes < options_.limits.read_bytes;
  });
  if (!status) {
    failure_ = status.error();
    return false;
  }
  more_ = events >= limit || bytes >= options_.limits.read_bytes;
  if (!more_) {
    const std::size_t waiting = restored_.size();
    take_up_before(std::numeric_limits<Offset>::max(), now_ms);
    return events > 0 || waiting > 0;
  }
  return true;
}

void ConsumerGroup::accept(const StoredEvent& stored, std::int64_t now_ms) {
  take_up_before(stored.offset, now_ms);
  const ProducerIndex producer = names_.index_of(stored.producer);
  domain::Seq& last_seq = last_seqs_[producer];
  const domain::Seq skipped = stored.seq > last_seq ? stored.seq - last_seq - 1 : 0;
  const auto skipped_or_none = skipped <= std::numeric_limits<std::uint32_t>::max()
                                   ? static_cast<std::uint32_t>(skipped)
                                   : 0;
  last_seq = std::max(last_seq, stored.seq);
  if (take_over(stored, producer, skipped_or_none)) return;

  while (!marked_.empty() && marked_.front() < stored.offset) marked_.pop_front();
  const bool marked = !marked_.empty() && marked_.front() == stored.offset;
  const bool restored = !restored_.empty() && events_[restored_.front()].offset == stored.offset;
  if (restored) {
    // A replayed letter's event may be both: resolved once, and deferred again.
    window_.push(stored.offset, producer, stored.seq,
                 marked ? OffsetWindow::Fate::kMarked : OffsetWindow::Fate::kDeferred);
    const EventIndex index = restored_.front();
    restored_.pop_front();
    return enqueue(index, now_ms);
  }
  if (marked) {
    window_.push(stored.offset, producer, stored.seq, OffsetWindow::Fate::kMarked);
    receipts_.completed[producer].add(stored.seq - skipped_or_none, stored.seq);
    return;
  }
  const EventIndex index = add_event(stored, producer, skipped_or_none);
  window_.push(stored.offset, producer, stored.seq, OffsetWindow::Fate::kOpen);
  place_event(index, stored, now_ms);
}

EventIndex ConsumerGroup::add_event(const StoredEvent& stored, ProducerIndex producer,
                                    std::uint32_t skipped) {
  const auto envelope = transport::decode_envelope(stored.envelope, document_);
  const EventIndex index = events_.add();
  OpenEvent& event = events_[index];
  event.offset = stored.offset;
  event.key = key_hash(stored.producer, envelope ? envelope->key : std::string_view());
  event.seq = stored.seq;
  event.ttl_ms = ttl_of(envelope, options_.policy);
  event.producer = producer;
  event.skipped = skipped;
  return index;
}

void ConsumerGroup::place_event(EventIndex index, const StoredEvent& stored, std::int64_t now_ms) {
  OpenEvent& event = events_[index];
  const EventIndex head = keys_.head(event.key);
  if (head != kNoEvent && (events_[head].deferred || events_[keys_.tail(event.key)].deferred)) {
    defer(index);  // it will be long until its turn comes
  } else {
    event.copy = cache_.put(stored.envelope, stored.reason);
  }
  enqueue(index, now_ms);
}

// Takes up restored events whose places in the topic come before `offset`, and which it does not
// have any more.
void ConsumerGroup::take_up_before(Offset offset, std::int64_t now_ms) {
  while (!restored_.empty() && events_[restored_.front()].offset < offset) {
    const EventIndex index = restored_.front();
    restored_.pop_front();
    enqueue(index, now_ms);
  }
}

// Makes room for events of other keys when consumers take long over those that they have: parks
// what waits behind these, and lets the cursor pass the oldest.
void ConsumerGroup::relieve() {
  const bool window_full = window_.size() >= options_.limits.window;
  const Offset passable = window_.next() - window_.size() / 2;
  for (EventIndex index = 0; index < events_.places(); ++index) {
    const OpenEvent& event = events_[index];
    const bool waits = event.place == Place::kQueued && event.copy != 0;
    const bool holds_cursor =
        window_full && event.place == Place::kInFlight && event.offset < passable;
    if (waits || holds_cursor) defer(index);
  }
}

std::optional<EventCopy> ConsumerGroup::take_copy(EventIndex index) {
  OpenEvent& event = events_[index];
  if (event.copy == 0) return fetch(index);
  return cache_.take(std::exchange(event.copy, 0));
}

// What is on the disk of an event, also of its past when its record has one.
std::optional<EventCopy> ConsumerGroup::fetch(EventIndex index) {
  OpenEvent& event = events_[index];
  if (event.has_record && load_past(index) == nullptr) return std::nullopt;
  const auto past = pasts_.find(index);
  std::optional<EventCopy> copy;
  if (past == pasts_.end() || past->second.envelope.empty()) {
    copy = read_one(event.offset);
  } else {
    copy = EventCopy{past->second.envelope, ""};
  }
  if (copy && event.ttl_ms == kTtlUnknown) {
    event.ttl_ms = ttl_of(transport::decode_envelope(copy->envelope, document_), options_.policy);
  }
  return copy;
}

std::optional<EventCopy> ConsumerGroup::read_one(Offset offset) {
  std::optional<EventCopy> copy;
  const domain::Status status = source_.read(offset, [&](const StoredEvent& stored) {
    if (stored.offset == offset) {
      copy = EventCopy{std::string(stored.envelope), std::string(stored.reason)};
    }
    return false;
  });
  if (!status) failure_ = status.error();
  return copy;
}

// Null when its record cannot be read.
ConsumerGroup::Past* ConsumerGroup::load_past(EventIndex index) {
  const auto [entry, added] = pasts_.try_emplace(index);
  if (!added || !events_[index].has_record) return &entry->second;
  domain::Result<std::optional<DeferredEvent>> record = source_.deferred(events_[index].offset);
  if (!record) {
    failure_ = record.error();
    pasts_.erase(entry);
    return nullptr;
  }
  if (std::optional<DeferredEvent>& found = record.value()) {
    entry->second = {std::move(found->reason), std::move(found->history),
                     std::move(found->envelope)};
  }
  return &entry->second;
}

}  // namespace outboxd::broker
