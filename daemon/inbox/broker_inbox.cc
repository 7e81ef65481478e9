#include "daemon/inbox/broker_inbox.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "domain/origin.h"
#include "transport/link/group_name.h"

namespace outboxd::daemon {
namespace {

using domain::ErrorCode;
using domain::InboxKey;
using domain::Status;
using transport::Outcome;
using transport::OwnedDelivery;

constexpr std::size_t kMaxAwaitedSettled = 65'536;
constexpr std::size_t kMaxRemovals = 65'536;
// Tags of one start; in 2^21 starts they stay below 2^53, which every client's numbers can hold.
constexpr unsigned kIdBitsPerStart = 32;

// A dead letter carries the identity of the event that died, so the topic of dead letters is part
// of what is marked: a group may have processed one and not the other.
InboxKey mark_for(const OwnedDelivery& delivery) {
  const bool is_dead_letter = delivery.topic.starts_with(transport::kDeadTopicPrefix);
  return {.group = is_dead_letter ? delivery.topic + "/" + delivery.group : delivery.group,
          .producer = delivery.producer,
          .seq = delivery.seq};
}

InboxEvent event_of(OwnedDelivery delivery) {
  const domain::Origin origin = domain::split_origin(delivery.producer);
  return {.topic = std::move(delivery.topic),
          .group = std::move(delivery.group),
          .attempt = delivery.attempt,
          .producer = std::string(origin.producer),
          .life = origin.life,
          .seq = delivery.seq,
          .envelope = std::move(delivery.envelope),
          .reason = std::move(delivery.reason)};
}

bool is_full(ErrorCode code) {
  return code == ErrorCode::kStorageFull || code == ErrorCode::kOutboxFull ||
         code == ErrorCode::kDamaged;
}

}  // namespace

BrokerInbox::BrokerInbox(BrokerInboxParts parts)
    : parts_(std::move(parts)),
      first_id_((parts_.epoch << kIdBitsPerStart) + 1),
      next_id_(first_id_) {}

void BrokerInbox::subscribe(const std::string& topic, const std::string& group, std::size_t credit,
                            EventConsumer& consumer) {
  if (credit == 0) {
    consumers_.erase({topic, group});
  } else {
    const auto [place, is_new] = consumers_.try_emplace({topic, group}, &consumer);
    OUTBOXD_CHECK(is_new || place->second == &consumer);
  }
  // What is settled already is told before the end of its subscription makes it void.
  flush();
  parts_.channel.subscribe(topic, group, credit);
}

bool BrokerInbox::has_consumer(const std::string& topic, const std::string& group) const {
  return consumers_.contains({topic, group});
}

bool BrokerInbox::was_given(DeliveryId delivery) const {
  const auto id = static_cast<std::uint64_t>(delivery);
  return id >= first_id_ && id < next_id_;
}

BrokerInbox::Open& BrokerInbox::at(DeliveryId delivery) {
  const auto found = open_.find(delivery);
  OUTBOXD_CHECK(found != open_.end());
  return found->second;
}

const InboxKey& BrokerInbox::mark_of(DeliveryId delivery) const {
  const auto found = open_.find(delivery);
  OUTBOXD_CHECK(found != open_.end());
  return found->second.mark;
}

void BrokerInbox::deliver(std::vector<OwnedDelivery> deliveries) {
  std::vector<Arrived> arrived;
  parts_.commits.look([&](domain::UnitOfWork& work) {
    for (OwnedDelivery& delivery : deliveries) {
      const InboxKey mark = mark_for(delivery);
      if (!note_arrival(delivery, mark, work)) continue;
      const DeliveryId id{next_id_++};
      open_.emplace(id, Open{.tag = delivery.tag, .mark = mark, .effect = {}});
      by_mark_.emplace(mark, id);
      arrived.push_back({id, event_of(std::move(delivery))});
    }
  });
  for (Arrived& next : arrived) {
    const auto consumer = consumers_.find({next.event.topic, next.event.group});
    if (consumer == consumers_.end()) {
      release(next.id);  // it was under way when its subscription ended
    } else {
      consumer->second->consume(next.event, next.id);
    }
  }
}

// False when there is nothing to do for a consumer.
bool BrokerInbox::note_arrival(const OwnedDelivery& delivery, const InboxKey& mark,
                               domain::UnitOfWork& work) {
  ++counters_.deliveries;
  if (const auto known = by_mark_.find(mark); known != by_mark_.end()) {
    ++counters_.duplicates;
    at(known->second).tag = delivery.tag;
    return false;
  }
  // What is not open any more is durable, so a mark that is found here is.
  const domain::Result<bool> is_processed = work.inbox().contains(mark);
  if (!is_processed) {
    ++counters_.retried;
    outgoing_.push_back({delivery.tag, Outcome::kRetry, is_processed.error().message});
    return false;
  }
  if (*is_processed) {
    ++counters_.duplicates;
    settle_ack(delivery.tag, mark);
  }
  return !*is_processed;
}

void BrokerInbox::commit(DeliveryId delivery, Effect effect) {
  Open& open = at(delivery);
  OUTBOXD_CHECK(open.state == State::kWorking);
  open.effect = std::move(effect);
  run_effect(delivery);
}

void BrokerInbox::run_effect(DeliveryId delivery) {
  Open& open = at(delivery);
  if (!parts_.admit_write()) return hold(delivery, open);
  open.state = State::kCommitting;
  parts_.commits.apply(
      [&](domain::UnitOfWork& work) -> Status {
        OUTBOXD_TRY(open.effect(work));
        work.inbox().put(open.mark, parts_.elapsed.elapsed_ms());
        return domain::ok_status();
      },
      [this, delivery](const Status& status) { finish_effect(delivery, status); });
}

void BrokerInbox::finish_effect(DeliveryId delivery, const Status& status) {
  if (status) return acknowledge(delivery);
  Open& open = at(delivery);
  const domain::Error& error = status.error();
  if (is_full(error.code)) return hold(delivery, open);
  open.state = State::kWorking;
  error.code == ErrorCode::kInternal ? retry(delivery, error.message)
                                     : bury(delivery, error.message);
}

void BrokerInbox::hold(DeliveryId delivery, Open& open) {
  open.state = State::kHeld;
  held_.push_back(delivery);
}

void BrokerInbox::try_held() {
  for (const DeliveryId delivery : std::exchange(held_, {})) run_effect(delivery);
}

void BrokerInbox::note_committing(DeliveryId delivery) {
  Open& open = at(delivery);
  OUTBOXD_CHECK(open.state == State::kWorking);
  open.state = State::kCommitting;
}

void BrokerInbox::acknowledge(DeliveryId delivery) {
  const Open& open = at(delivery);
  OUTBOXD_CHECK(open.state == State::kCommitting);
  settle_ack(open.tag, open.mark);
  forget(delivery);
}

void BrokerInbox::pass_over(DeliveryId delivery) {
  ++counters_.acknowledged;
  ++counters_.passed_over;
  give_back(delivery, Outcome::kAck, {});
}

void BrokerInbox::release(DeliveryId delivery) {
  ++counters_.released;
  give_back(delivery, Outcome::kRelease, {});
}

void BrokerInbox::retry(DeliveryId delivery, std::string reason) {
  ++counters_.retried;
  give_back(delivery, Outcome::kRetry, std::move(reason));
}

void BrokerInbox::bury(DeliveryId delivery, std::string reason) {
  ++counters_.buried;
  give_back(delivery, Outcome::kDead, std::move(reason));
}

void BrokerInbox::give_back(DeliveryId delivery, Outcome outcome, std::string reason) {
  const Open& open = at(delivery);
  OUTBOXD_CHECK(open.state == State::kWorking);
  outgoing_.push_back({open.tag, outcome, std::move(reason)});
  forget(delivery);
}

void BrokerInbox::forget(DeliveryId delivery) {
  const auto found = open_.find(delivery);
  OUTBOXD_CHECK(found != open_.end());
  by_mark_.erase(found->second.mark);
  open_.erase(found);
}

void BrokerInbox::settle_ack(std::uint64_t tag, const InboxKey& mark) {
  ++counters_.acknowledged;
  outgoing_.push_back({tag, Outcome::kAck, {}});
  if (!acknowledged_.emplace(tag, mark).second) return;
  acknowledged_order_.push_back(tag);
  if (acknowledged_order_.size() <= kMaxAwaitedSettled) return;
  acknowledged_.erase(acknowledged_order_.front());
  acknowledged_order_.pop_front();
}

void BrokerInbox::settled(const std::vector<std::uint64_t>& tags) {
  for (const std::uint64_t tag : tags) {
    const auto found = acknowledged_.find(tag);
    if (found == acknowledged_.end()) continue;
    if (removals_.size() < kMaxRemovals) removals_.push_back(std::move(found->second));
    acknowledged_.erase(found);
  }
}

void BrokerInbox::remove_marks(domain::UnitOfWork& work) {
  for (const InboxKey& mark : removals_) work.inbox().remove(mark);
  removals_.clear();
}

void BrokerInbox::flush() {
  if (!outgoing_.empty()) parts_.channel.settle(std::exchange(outgoing_, {}));
}

}  // namespace outboxd::daemon
