#include "broker/groups/consumer_group.h"

#include <algorithm>
#include <utility>

#include "domain/check.h"
#include "transport/link/group_name.h"

namespace outboxd::broker {
namespace {

// Of an event's failures, the last ones are told.
constexpr std::size_t kMaxHistory = 8;

}  // namespace

ConsumerGroup::ConsumerGroup(GroupId id, GroupOptions options, EventSource& source,
                             ProducerNames& names, TagSource& tags, Random random,
                             std::int64_t now_ms)
    : id_(std::move(id)),
      options_(options),
      buries_(!transport::split_dead_topic(id_.topic)),
      source_(source),
      names_(names),
      tags_(tags),
      random_(std::move(random)),
      absent_since_ms_(now_ms) {}

void ConsumerGroup::subscribe(ConsumerIndex consumer, std::size_t credit, std::int64_t now_ms) {
  if (absent_since_ms_) {
    absent_ms_ += now_ms - *absent_since_ms_;
    absent_since_ms_.reset();
  }
  consumers_.subscribe(consumer, credit);
}

void ConsumerGroup::leave(ConsumerIndex consumer, std::int64_t now_ms) {
  remove_consumer(consumer, now_ms, false);
}

void ConsumerGroup::lose(ConsumerIndex consumer, std::int64_t now_ms) {
  remove_consumer(consumer, now_ms, true);
}

void ConsumerGroup::remove_consumer(ConsumerIndex consumer, std::int64_t now_ms, bool remember) {
  const std::vector<EventIndex> had = consumers_.remove(consumer);
  if (consumers_.size() == 0 && !absent_since_ms_) absent_since_ms_ = now_ms;
  if (!remember) lost_.erase(consumer);
  if (remember && !had.empty()) {
    std::vector<Lost>& lost = lost_[consumer];
    for (const EventIndex index : had) lost.push_back({index, events_[index].offset});
  }
  give_back(had);
}

void ConsumerGroup::give_back(const std::vector<EventIndex>& events) {
  for (auto index = events.rbegin(); index != events.rend(); ++index) {
    OpenEvent& event = events_[*index];
    OUTBOXD_CHECK(event.place == Place::kInFlight);
    // What its record does not say yet must not get lost with the delivery.
    if (!event.dirty) pasts_.erase(*index);
    event.place = Place::kReady;
    (event.suspect ? suspects_ : ready_).push_front(*index);
  }
}

void ConsumerGroup::died(ConsumerIndex consumer, std::int64_t now_ms) {
  for (const EventIndex index : consumers_.remove(consumer)) fail(index, kConsumerDied, now_ms);
  if (consumers_.size() == 0 && !absent_since_ms_) absent_since_ms_ = now_ms;
  const auto lost = lost_.find(consumer);
  if (lost == lost_.end()) return;
  for (const Lost& one : lost->second) fail_later(one, now_ms);
  lost_.erase(lost);
}

// The event was lost with a consumer that turns out to have died.
void ConsumerGroup::fail_later(const Lost& lost, std::int64_t now_ms) {
  if (lost.event >= events_.places()) return;
  OpenEvent& event = events_[lost.event];
  if (event.offset != lost.offset) return;  // settled since
  switch (event.place) {
    case Place::kFree:
    case Place::kDying:
    case Place::kBurying: return;
    case Place::kReady: {
      std::deque<EventIndex>& queue = event.suspect ? suspects_ : ready_;
      queue.erase(std::find(queue.begin(), queue.end(), lost.event));
      return fail(lost.event, kConsumerDied, now_ms);
    }
    case Place::kInFlight:
    case Place::kWaiting:
    case Place::kQueued:
      // Another consumer has it, or has failed it, too: its next failure finds one more.
      if (load_past(lost.event) == nullptr) return;
      note_failure(lost.event, kConsumerDied, now_ms);
      defer(lost.event);
      return mark_dirty(lost.event);
  }
}

void ConsumerGroup::take_back(std::uint64_t tag, std::int64_t now_ms) {
  const Flight* flight = consumers_.find(tag);
  if (flight == nullptr) return;
  const EventIndex index = flight->event;
  consumers_.settle(tag);
  give_back({index});
  // Its time to live does not run from a delivery that was none.
  std::int64_t& first_ms = events_[index].first_delivered_ms;
  if (first_ms == attended_ms(now_ms)) first_ms = kNeverDelivered;
}

SettleResult ConsumerGroup::settle(ConsumerIndex consumer, const transport::Settlement& settlement,
                                   std::int64_t now_ms) {
  const Flight* flight = consumers_.find(settlement.tag);
  if (flight == nullptr) return SettleResult::kUnknown;
  if (flight->consumer != consumer) return SettleResult::kForeign;
  const EventIndex index = flight->event;
  consumers_.settle(settlement.tag);
  const std::pair settled{consumer, settlement.tag};
  switch (settlement.outcome) {
    case transport::Outcome::kRetry: fail(index, settlement.reason, now_ms); break;
    case transport::Outcome::kRelease: give_back({index}); break;
    case transport::Outcome::kDead:
      if (buries_) {
        note_failure(index, settlement.reason, now_ms);
        die(index, std::string(settlement.reason), settled);
        break;
      }
      [[fallthrough]];
    case transport::Outcome::kAck:
      receipts_.settled.push_back(settled);
      resolve(index, now_ms);
      break;
  }
  return SettleResult::kSettled;
}

void ConsumerGroup::note_failure(EventIndex index, std::string_view reason, std::int64_t now_ms) {
  OpenEvent& event = events_[index];
  if (event.deferred && event.attempts == 0) ++retrying_;
  ++event.attempts;
  event.suspect = reason == kConsumerDied;
  Past& past = pasts_[index];
  past.reason = reason;
  if (past.history.size() >= kMaxHistory) past.history.erase(past.history.begin());
  past.history.push_back({now_ms, std::string(reason)});
}

void ConsumerGroup::fail(EventIndex index, std::string_view reason, std::int64_t now_ms) {
  if (load_past(index) == nullptr) return;
  note_failure(index, reason, now_ms);
  OpenEvent& event = events_[index];
  if (buries_ && options_.policy.exhausted(event.attempts)) {
    return die(index, "gave up after " + std::to_string(event.attempts) +
                          (event.attempts == 1 ? " attempt: " : " attempts: ") +
                          std::string(reason));
  }
  event.not_before_ms = now_ms + options_.policy.backoff_ms(event.attempts, random_());
  event.place = Place::kQueued;
  event.saving = true;
  defer(index);
  mark_dirty(index);
  // Whatever else was read of its key shall not take the place of what can be delivered.
  for (EventIndex next = event.next; next != kNoEvent; next = events_[next].next) defer(next);
}

void ConsumerGroup::defer(EventIndex index) {
  OpenEvent& event = events_[index];
  drop_copy(event);
  if (event.deferred) return;
  event.deferred = true;
  ++deferred_;
  if (event.attempts > 0) ++retrying_;
  note_deferred(event.offset);
  mark_dirty(index);
}

void ConsumerGroup::die(EventIndex index, std::string reason,
                        std::optional<std::pair<ConsumerIndex, std::uint64_t>> settled) {
  events_[index].place = Place::kDying;
  dying_.push_back({index, std::move(reason), settled});
}

void ConsumerGroup::resolve(EventIndex index, std::int64_t now_ms) {
  note_resolved(index);
  release(index, now_ms);
}

std::int64_t ConsumerGroup::attended_ms(std::int64_t now_ms) const {
  return absent_since_ms_.value_or(now_ms) - absent_ms_;
}

bool ConsumerGroup::expired(const OpenEvent& event, std::int64_t now_ms) const {
  if (!buries_ || event.first_delivered_ms == kNeverDelivered) return false;
  if (event.ttl_ms == kTtlUnknown || event.ttl_ms == kTtlNever) return false;
  return attended_ms(now_ms) - event.first_delivered_ms >= event.ttl_ms;
}

std::string ConsumerGroup::expiry_text(const OpenEvent& event) {
  return "expired: not processed within " + std::to_string(event.ttl_ms) +
         " ms of its first delivery";
}

void ConsumerGroup::enqueue(EventIndex index, std::int64_t now_ms) {
  events_[index].place = Place::kQueued;
  if (keys_.push(index)) activate(index, now_ms);
}

// The event is at the head of its key.
void ConsumerGroup::activate(EventIndex index, std::int64_t now_ms) {
  OpenEvent& event = events_[index];
  if (event.saving) return;  // durable() comes back to it
  if (event.attempts == 0 || event.not_before_ms <= now_ms) return make_ready(index);
  event.place = Place::kWaiting;
  std::int64_t wake_ms = event.not_before_ms;
  const bool mortal = buries_ && event.first_delivered_ms != kNeverDelivered &&
                      event.ttl_ms != kTtlUnknown && event.ttl_ms != kTtlNever;
  if (mortal) {
    const std::int64_t left_ms = event.ttl_ms - (attended_ms(now_ms) - event.first_delivered_ms);
    wake_ms = std::min(wake_ms, now_ms + std::max<std::int64_t>(left_ms, 0));
  }
  deadlines_.add(wake_ms, index);
}

void ConsumerGroup::make_ready(EventIndex index) {
  OpenEvent& event = events_[index];
  event.place = Place::kReady;
  (event.suspect ? suspects_ : ready_).push_back(index);
}

void ConsumerGroup::collect_due(std::int64_t now_ms) {
  for (EventIndex index = deadlines_.pop_due(now_ms); index != kNoEvent;
       index = deadlines_.pop_due(now_ms)) {
    OpenEvent& event = events_[index];
    OUTBOXD_CHECK(event.place == Place::kWaiting);
    event.place = Place::kQueued;
    if (expired(event, now_ms)) {
      die(index, expiry_text(event));
    } else if (event.not_before_ms > now_ms && absent_since_ms_) {
      // Its time to live stands still; nothing is due before its back-off ends.
      event.place = Place::kWaiting;
      deadlines_.add(event.not_before_ms, index);
    } else {
      activate(index, now_ms);
    }
  }
}

bool ConsumerGroup::pump(std::int64_t now_ms, HandoutBudget& budget, std::vector<Handout>& out) {
  if (failure_) return false;
  collect_due(now_ms);
  std::size_t reads = 0;
  while (!failure_ && consumers_.free_credit() > 0) {
    if (budget.events == 0 || budget.bytes == 0) return true;
    if (hand_out_one(now_ms, budget, out)) continue;
    if (reads == options_.limits.reads) return true;
    if (!read_more(now_ms)) return false;
    ++reads;
  }
  return false;
}

bool ConsumerGroup::hand_out_one(std::int64_t now_ms, HandoutBudget& budget,
                                 std::vector<Handout>& out) {
  for (const bool suspect : {true, false}) {
    std::deque<EventIndex>& queue = suspect ? suspects_ : ready_;
    while (!queue.empty() && consumers_.can_take(suspect)) {
      const EventIndex index = queue.front();
      queue.pop_front();
      OUTBOXD_CHECK(events_[index].place == Place::kReady);
      if (give(index, now_ms, budget, out)) return true;
      if (failure_) return false;
    }
  }
  return false;
}

// False when it died or was gone.
bool ConsumerGroup::give(EventIndex index, std::int64_t now_ms, HandoutBudget& budget,
                         std::vector<Handout>& out) {
  std::optional<EventCopy> copy = take_copy(index);
  if (failure_) return false;
  if (!copy) {
    // Its retention is over, or somebody discarded it.
    resolve(index, now_ms);
    return false;
  }
  OpenEvent& event = events_[index];
  if (expired(event, now_ms)) {
    die(index, expiry_text(event));
    return false;
  }
  const std::uint64_t tag = tags_.next();
  const ConsumerIndex consumer = consumers_.hand_out(tag, index, event.suspect);
  event.place = Place::kInFlight;
  if (event.first_delivered_ms == kNeverDelivered) event.first_delivered_ms = attended_ms(now_ms);
  --budget.events;
  budget.bytes -= std::min(budget.bytes, copy->envelope.size());
  out.push_back({consumer, tag, event.attempts + 1, event.producer, event.seq,
                 std::move(copy->envelope), std::move(copy->reason)});
  return true;
}

GroupSnapshot ConsumerGroup::snapshot() const {
  return {
      id_,       window_.cursor(),      window_.next(),   events_.size(), consumers_.in_flight(),
      retrying_, deferred_ - retrying_, consumers_.size()};
}

}  // namespace outboxd::broker
