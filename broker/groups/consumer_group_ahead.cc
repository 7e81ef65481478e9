// How a group reads fresh events ahead of a backlog (ahead_lane.h).
#include <algorithm>

#include "broker/groups/consumer_group.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::broker {

// True when it read something. Otherwise it is the backlog's turn.
bool ConsumerGroup::read_ahead(std::int64_t now_ms) {
  if (ahead_ && window_.next() >= ahead_->next()) ahead_.reset();  // it has caught up
  if (!ahead_) {
    const Offset end = source_.end();
    if (end <= window_.next() + options_.limits.backlog) return false;
    ahead_ = std::make_unique<AheadLane>(window_.next(), end);
  }
  if (ahead_->scanning()) scan_backlog();
  // Once the window is past the split it takes over, event by event.
  if (failure_ || ahead_->scanning() || window_.next() >= ahead_->split()) return false;
  if (ahead_->size() >= options_.limits.window) return false;
  ahead_is_next_ = !ahead_is_next_;
  if (ahead_is_next_) return false;

  const std::size_t limit = std::min(options_.limits.read_events, consumers_.free_credit());
  std::size_t events = 0;
  std::size_t bytes = 0;
  const domain::Status status = source_.read(ahead_->next(), [&](const StoredEvent& stored) {
    accept_ahead(stored, now_ms);
    bytes += stored.envelope.size();
    return ++events < limit && bytes < options_.limits.read_bytes;
  });
  if (!status) failure_ = status.error();
  return events > 0;
}

void ConsumerGroup::scan_backlog() {
  std::size_t events = 0;
  const domain::Status status = source_.read(ahead_->scan_next(), [&](const StoredEvent& stored) {
    if (stored.offset >= ahead_->split()) return false;
    const auto envelope = transport::decode_envelope(stored.envelope, document_);
    ahead_->scanned(stored.offset,
                    key_hash(stored.producer, envelope ? envelope->key : std::string_view()));
    return ++events < options_.limits.scan_events;
  });
  if (!status) failure_ = status.error();
  if (events < options_.limits.scan_events) ahead_->finish_scan();
}

void ConsumerGroup::accept_ahead(const StoredEvent& stored, std::int64_t now_ms) {
  const ProducerIndex producer = names_.index_of(stored.producer);
  // What other topics have between its events is known when its place in the order comes.
  const EventIndex index = add_event(stored, producer, 0);
  if (ahead_->waits(events_[index].key)) {
    events_.remove(index);
    ahead_->push(stored.offset, producer, stored.seq, AheadLane::Fate::kSkipped);
    return;
  }
  ahead_->push(stored.offset, producer, stored.seq, AheadLane::Fate::kOpen);
  place_event(index, stored, now_ms);
}

// The window has come to an event that was read ahead. False when it was not.
bool ConsumerGroup::take_over(const StoredEvent& stored, ProducerIndex producer,
                              std::uint32_t skipped) {
  if (!ahead_ || stored.offset < ahead_->split()) return false;
  const auto push = [&](OffsetWindow::Fate fate) {
    window_.push(stored.offset, producer, stored.seq, fate);
  };
  switch (ahead_->take_over(stored.offset)) {
    case AheadLane::Fate::kSkipped: return false;
    case AheadLane::Fate::kOpen: push(OffsetWindow::Fate::kOpen); return true;
    case AheadLane::Fate::kDeferred: push(OffsetWindow::Fate::kDeferred); return true;
    case AheadLane::Fate::kResolved: push(OffsetWindow::Fate::kResolved); break;
    case AheadLane::Fate::kMarked: push(OffsetWindow::Fate::kMarked); break;
  }
  receipts_.completed[producer].add(stored.seq - skipped, stored.seq);
  return true;
}

void ConsumerGroup::note_deferred(Offset offset) {
  is_ahead(offset) ? ahead_->defer(offset) : window_.defer(offset);
}

void ConsumerGroup::note_resolved(Offset offset) {
  is_ahead(offset) ? ahead_->resolve(offset) : window_.resolve(offset);
}

}  // namespace outboxd::broker
