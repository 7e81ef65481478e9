// The inbox: takes the broker's deliveries, and applies the effect of each event once (G8).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/inbox/delivery_channel.h"
#include "daemon/inbox/inbox.h"
#include "domain/clock.h"
#include "domain/inbox_marks.h"
#include "domain/result.h"
#include "domain/unit_of_work.h"
#include "transport/link/relay_link.h"

namespace outboxd::daemon {

// What happened, for metrics.
struct InboxCounters {
  std::uint64_t deliveries = 0;
  std::uint64_t duplicates = 0;  // of events that are processed or being worked on
  std::uint64_t acknowledged = 0;
  std::uint64_t retried = 0;
  std::uint64_t buried = 0;
  std::uint64_t passed_over = 0;  // acknowledged, too
  std::uint64_t released = 0;
};

struct BrokerInboxParts {
  GroupCommit& commits;
  DeliveryChannel& channel;
  const domain::ElapsedTime& elapsed;
  std::function<domain::Status()> admit_write;  // storage_full when nothing may be written
  std::uint64_t epoch = 0;                      // of this start
};

// Between the broker link and the consumers. Life of a delivery:
//
//   deliver ── mark there ──────────────────────────────▶ ack
//      │
//      ▼  consume
//   working ── commit ──▶ committing ── durable ────────▶ ack ── SETTLED ──▶ mark removed
//      │                    │    ▲
//      │                full▼    │try_held
//      │                   held ─┘
//      ├── pass_over ───────────────────────────────────▶ ack
//      ├── release ─────────────────────────────────────▶ release
//      └── retry / bury / a refused effect ─────────────▶ retry / dead
//
// There is one life at a time for each (group, producer, seq): the same event delivered again
// meanwhile only brings a new tag. Settlements are gathered until flush(). All of it is bounded by
// the credit given to the broker. Core thread only; the parts outlive it.
class BrokerInbox : public Inbox {
 public:
  explicit BrokerInbox(BrokerInboxParts parts);

  void subscribe(const std::string& topic, const std::string& group, std::size_t credit,
                 EventConsumer& consumer) override;
  void commit(DeliveryId delivery, Effect effect) override;
  void pass_over(DeliveryId delivery) override;
  void retry(DeliveryId delivery, std::string reason) override;
  void bury(DeliveryId delivery, std::string reason) override;

  // Gives the event back as if it had not been delivered: nobody looked at it, so no attempt is
  // counted (G11).
  void release(DeliveryId delivery);

  // True when events of (topic, group) have a consumer here.
  [[nodiscard]] bool has_consumer(const std::string& topic, const std::string& group) const;

  // True when `delivery` was given to a consumer since the daemon started, whatever became of it.
  [[nodiscard]] bool was_given(DeliveryId delivery) const;

  // For whoever commits the effect in a unit of work of its own (`tx.commit`): put `mark_of` in it,
  // say so with note_committing() when it was accepted, and acknowledge() when it is durable.
  [[nodiscard]] const domain::InboxKey& mark_of(DeliveryId delivery) const;
  void note_committing(DeliveryId delivery);
  void acknowledge(DeliveryId delivery);

  // From the link: deliveries, and the tags of settlements that are durable at the broker.
  void deliver(std::vector<transport::OwnedDelivery> deliveries);
  void settled(const std::vector<std::uint64_t>& tags);

  // Runs the effects again that there was no room for. Call it every second or so.
  void try_held();

  // Hands the gathered settlements to the link. Call it at the end of each turn.
  void flush();

  // Marks that the broker makes superfluous, to be removed by a group that is written anyway.
  [[nodiscard]] std::size_t removals() const { return removals_.size(); }
  void remove_marks(domain::UnitOfWork& work);

  [[nodiscard]] const InboxCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t unsettled() const { return open_.size(); }
  [[nodiscard]] std::size_t held() const { return held_.size(); }
  [[nodiscard]] std::size_t subscriptions() const { return consumers_.size(); }

 private:
  enum class State : std::uint8_t { kWorking, kCommitting, kHeld };
  struct Open {
    std::uint64_t tag;
    domain::InboxKey mark;
    State state = State::kWorking;
    Effect effect;  // while it is committing or held
  };
  struct Arrived {
    DeliveryId id;
    InboxEvent event;
  };

  Open& at(DeliveryId delivery);
  bool note_arrival(const transport::OwnedDelivery& delivery, const domain::InboxKey& mark,
                    domain::UnitOfWork& work);
  void run_effect(DeliveryId delivery);
  void finish_effect(DeliveryId delivery, const domain::Status& status);
  void hold(DeliveryId delivery, Open& open);
  void give_back(DeliveryId delivery, transport::Outcome outcome, std::string reason);
  void forget(DeliveryId delivery);
  void settle_ack(std::uint64_t tag, const domain::InboxKey& mark);

  const BrokerInboxParts parts_;
  const std::uint64_t first_id_;
  std::uint64_t next_id_;
  std::map<std::pair<std::string, std::string>, EventConsumer*> consumers_;  // by (topic, group)
  std::unordered_map<DeliveryId, Open> open_;
  std::map<domain::InboxKey, DeliveryId> by_mark_;
  std::vector<DeliveryId> held_;

  std::vector<transport::OwnedSettlement> outgoing_;
  // Acknowledged, and SETTLED has not come. Bounded: a mark whose SETTLED is lost stays until it is
  // old.
  std::unordered_map<std::uint64_t, domain::InboxKey> acknowledged_;
  std::deque<std::uint64_t> acknowledged_order_;
  std::vector<domain::InboxKey> removals_;
  InboxCounters counters_;
};

}  // namespace outboxd::daemon
