// What a group has to make durable, and what follows when it is.
#include <algorithm>
#include <utility>

#include "broker/groups/consumer_group.h"
#include "domain/check.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::broker {

void ConsumerGroup::restore(GroupState state, std::int64_t now_ms) {
  OUTBOXD_CHECK(events_.size() == 0 && created_);
  created_ = false;
  window_ = OffsetWindow(state.cursor);
  for (const auto& [producer, seq] : state.passed) last_seqs_[names_.index_of(producer)] = seq;
  std::sort(state.done.begin(), state.done.end());
  marked_.assign(state.done.begin(), state.done.end());
  std::sort(state.deferred.begin(), state.deferred.end(),
            [](const auto& a, const auto& b) { return a.offset < b.offset; });
  for (const auto& record : state.deferred) {
    const EventIndex index = events_.add();
    OpenEvent& event = events_[index];
    event.offset = record.offset;
    event.key = record.key_hash;
    event.seq = record.seq;
    if (record.first_delivered_ms != kNeverDelivered) {
      // Whether the group had a consumer since the last attempt is not known, so only the time up
      // to that counts: an outage must not let an event expire.
      const std::int64_t most_ms = std::max<std::int64_t>(now_ms - record.first_delivered_ms, 0);
      const std::int64_t age_ms = record.not_before_ms - record.first_delivered_ms;
      event.first_delivered_ms = now_ms - std::clamp<std::int64_t>(age_ms, 0, most_ms);
    }
    event.not_before_ms = record.not_before_ms;
    event.producer = names_.index_of(record.producer);
    event.attempts = record.attempts;
    event.place = Place::kQueued;
    event.deferred = event.stored = event.has_record = true;
    event.suspect = record.reason == kConsumerDied;
    ++deferred_;
    if (record.attempts > 0) ++retrying_;
    if (record.offset < state.cursor) {
      enqueue(index, now_ms);
    } else {
      restored_.push_back(index);
    }
  }
}

void ConsumerGroup::mark_dirty(EventIndex index) {
  OpenEvent& event = events_[index];
  if (event.dirty) return;
  event.dirty = true;
  dirty_.push_back(index);
}

void ConsumerGroup::note_resolved(EventIndex index) {
  const OpenEvent& event = events_[index];
  note_resolved(event.offset);
  if (event.stored) undefer_.push_back(event.offset);
  receipts_.completed[event.producer].add(event.seq - event.skipped, event.seq);
}

// The key goes on without the event.
void ConsumerGroup::release(EventIndex index, std::int64_t now_ms) {
  const EventIndex next = keys_.pop(index);
  remove(index);
  if (next != kNoEvent) activate(next, now_ms);
}

void ConsumerGroup::remove(EventIndex index) {
  OpenEvent& event = events_[index];
  drop_copy(event);
  pasts_.erase(index);
  if (event.deferred) {
    --deferred_;
    if (event.attempts > 0) --retrying_;
  }
  event.place = Place::kFree;
  if (!event.dirty) events_.remove(index);  // else write_records() does
}

void ConsumerGroup::drop_copy(OpenEvent& event) {
  if (event.copy != 0) (void)cache_.take(std::exchange(event.copy, 0));
}

bool ConsumerGroup::replay(Offset letter, const DeadLetter& contents) {
  if (!discard(letter)) return false;
  const EventIndex index = events_.add();
  OpenEvent& event = events_[index];
  event.offset = contents.source_offset;
  event.seq = contents.seq;
  event.producer = names_.index_of(contents.producer);
  const auto envelope = transport::decode_envelope(contents.envelope, document_);
  event.key = key_hash(contents.producer, envelope ? envelope->key : std::string_view());
  event.saving = true;
  pasts_[index].envelope = contents.envelope;
  event.deferred = true;
  ++deferred_;
  mark_dirty(index);
  event.place = Place::kQueued;
  (void)keys_.push(index);
  return true;
}

bool ConsumerGroup::discard(Offset letter) {
  const auto in = [letter](const std::vector<Offset>& letters) {
    return std::find(letters.begin(), letters.end(), letter) != letters.end();
  };
  if (in(removed_letters_) || in(removing_letters_)) return false;
  removed_letters_.push_back(letter);
  return true;
}

std::optional<GroupChange> ConsumerGroup::take_change(std::int64_t now_ms) {
  if (committing_ || failure_) return std::nullopt;
  GroupChange change;
  change.id = id_;
  bury_some(change, now_ms);
  write_records(change, now_ms);
  if (failure_) return std::nullopt;
  OffsetWindow::Progress progress = window_.take();
  if (progress.moved || created_) change.cursor = progress.cursor;
  for (const auto& [producer, seq] : progress.passed) {
    change.passed.emplace_back(names_.name_of(producer), seq);
  }
  change.done = std::move(progress.done);
  if (ahead_) {
    const std::vector<Offset> marks = ahead_->take_marks();
    change.done.insert(change.done.end(), marks.begin(), marks.end());
  }
  change.undone = std::move(progress.undone);
  change.undefer = std::exchange(undefer_, {});
  change.discard = removed_letters_;
  removing_letters_ = std::exchange(removed_letters_, {});
  created_ = false;
  const bool empty = !change.cursor && change.done.empty() && change.defer.empty() &&
                     change.undefer.empty() && change.bury.empty() && change.discard.empty();
  if (empty) return std::nullopt;
  committing_ = true;
  pending_ = std::exchange(receipts_, {});
  return change;
}

void ConsumerGroup::bury_some(GroupChange& change, std::int64_t now_ms) {
  std::size_t bytes = 0;
  while (!dying_.empty() && change.bury.size() < options_.limits.buried_events &&
         bytes < options_.limits.buried_bytes) {
    Dying dying = std::move(dying_.front());
    dying_.pop_front();
    std::optional<EventCopy> copy = take_copy(dying.event);
    if (failure_) return;
    if (!copy) {
      resolve(dying.event, now_ms);
      continue;
    }
    bytes += copy->envelope.size();
    bury(std::move(dying), std::move(*copy), change, now_ms);
  }
}

void ConsumerGroup::bury(Dying dying, EventCopy copy, GroupChange& change, std::int64_t now_ms) {
  OpenEvent& event = events_[dying.event];
  DeadLetter& letter = change.bury.emplace_back();
  letter.producer = names_.name_of(event.producer);
  letter.seq = event.seq;
  letter.source_offset = event.offset;
  letter.envelope = std::move(copy.envelope);
  letter.reason = std::move(dying.reason);
  letter.attempts = event.attempts;
  letter.died_elapsed_ms = now_ms;
  if (const auto past = pasts_.find(dying.event); past != pasts_.end()) {
    letter.history = std::move(past->second.history);
  }
  if (dying.settled) receipts_.settled.push_back(*dying.settled);
  ++receipts_.buried;
  note_resolved(dying.event);
  event.place = Place::kBurying;
  buried_.push_back(dying.event);
}

void ConsumerGroup::write_records(GroupChange& change, std::int64_t now_ms) {
  for (const EventIndex index : std::exchange(dirty_, {})) {
    OpenEvent& event = events_[index];
    event.dirty = false;
    if (event.place == Place::kFree) {
      events_.remove(index);
      continue;
    }
    if (event.place == Place::kBurying) continue;
    change.defer.push_back(record_of(index, now_ms));
    const DeferredEvent& record = change.defer.back();
    event.stored = true;
    event.has_record = record.attempts > 0 || !record.envelope.empty();
    if (event.saving) saved_.push_back(index);
    if (event.place == Place::kQueued || event.place == Place::kWaiting) pasts_.erase(index);
  }
}

DeferredEvent ConsumerGroup::record_of(EventIndex index, std::int64_t now_ms) const {
  const OpenEvent& event = events_[index];
  DeferredEvent record;
  record.offset = event.offset;
  record.key_hash = event.key;
  record.attempts = event.attempts;
  record.first_delivered_ms = event.first_delivered_ms;
  if (event.first_delivered_ms != kNeverDelivered) {
    record.first_delivered_ms += now_ms - attended_ms(now_ms);
  }
  record.not_before_ms = event.not_before_ms;
  record.producer = names_.name_of(event.producer);
  record.seq = event.seq;
  if (const auto past = pasts_.find(index); past != pasts_.end()) {
    record.reason = past->second.reason;
    record.history = past->second.history;
    record.envelope = past->second.envelope;
  }
  return record;
}

Receipts ConsumerGroup::durable(std::int64_t now_ms) {
  OUTBOXD_CHECK(committing_);
  committing_ = false;
  removing_letters_.clear();
  for (const EventIndex index : std::exchange(saved_, {})) {
    events_[index].saving = false;
    if (keys_.head(events_[index].key) == index) activate(index, now_ms);
  }
  for (const EventIndex index : std::exchange(buried_, {})) release(index, now_ms);
  return std::exchange(pending_, {});
}

SeqRanges ConsumerGroup::completed(ProducerIndex producer) const {
  const auto last = last_seqs_.find(producer);
  if (last == last_seqs_.end()) return {};
  std::vector<domain::Seq> unresolved;
  for (EventIndex index = 0; index < events_.places(); ++index) {
    const OpenEvent& event = events_[index];
    if (event.place != Place::kFree && event.producer == producer) unresolved.push_back(event.seq);
  }
  SeqRanges result = SeqRanges::all_but(last->second, std::move(unresolved));
  if (ahead_) ahead_->add_completed(producer, result);
  for (const Receipts* undurable : {&receipts_, &pending_}) {
    const auto ranges = undurable->completed.find(producer);
    if (ranges == undurable->completed.end()) continue;
    for (const auto& [first, end] : ranges->second.ranges()) result.remove(first, end);
  }
  return result;
}

}  // namespace outboxd::broker
