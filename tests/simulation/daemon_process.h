// One life of the simulated daemon on a box.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/inbox/broker_inbox.h"
#include "daemon/inbox/delivery_channel.h"
#include "daemon/inbox/event_consumer.h"
#include "daemon/outbox_completion.h"
#include "domain/clock.h"
#include "tests/simulation/box_store.h"
#include "tests/simulation/world.h"
#include "transport/link/relay_session.h"

namespace outboxd::simulation {

// Relay session, inbox and outbox completion as the daemon has them, around the box's database.
// What the link finds out reaches the rest some time later, as from another thread.
class DaemonProcess final : transport::LinkObserver,
                            daemon::DeliveryChannel,
                            daemon::EventConsumer {
 public:
  // `store` is the box's; the process before this one does not write to it any more.
  DaemonProcess(World& world, std::size_t box, BoxStore& store, std::uint64_t epoch);
  ~DaemonProcess() override;

  // The connection of this name exists, or exists no longer. Empty: none.
  [[nodiscard]] const std::string& peer() const { return peer_; }
  void cut();
  void receive(const std::string& frame);

  // An application hands a change over.
  void write_order();
  void write_note(std::string_view topic);

  void step();

  // Its database's lock is lost, and only its link still lives.
  void hang() { is_hung_ = true; }
  // It was given an event that kills.
  [[nodiscard]] bool is_dying() const { return is_dying_; }
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }

  [[nodiscard]] bool is_busy() const;
  [[nodiscard]] std::int64_t next_deadline_ms() const;

 private:
  // As daemon/relay.h has it.
  struct Report {
    std::vector<domain::Seq> rejected;
    domain::Seq acknowledged = 0;
    std::vector<std::pair<std::string, std::vector<transport::SeqRange>>> completed;
    std::vector<transport::OwnedDelivery> deliveries;
    std::vector<std::uint64_t> settled;
    std::string history;
    [[nodiscard]] bool empty() const {
      return rejected.empty() && acknowledged == 0 && completed.empty() && deliveries.empty() &&
             settled.empty() && history.empty();
    }
  };
  struct Job {
    daemon::DeliveryId delivery;
    Route route;
    std::uint64_t serial = 0;
    std::uint32_t attempt = 1;
    bool is_charged = false;
  };
  class Elapsed final : public domain::ElapsedTime {
   public:
    explicit Elapsed(const domain::Clock& clock) : clock_(clock) {}
    [[nodiscard]] std::int64_t elapsed_ms() const override { return clock_.monotonic_ms(); }

   private:
    const domain::Clock& clock_;
  };

  void on_link_state(transport::LinkState state, std::string reason) override;
  void on_session(std::string history) override;
  void on_acknowledged(domain::Seq seq) override;
  void on_rejected(domain::Seq seq, std::string code, std::string message) override;
  void on_deliveries(std::vector<transport::OwnedDelivery> deliveries) override;
  void on_settled(std::vector<std::uint64_t> tags) override;
  void on_completed(std::string topic, std::vector<transport::SeqRange> ranges) override;

  void subscribe(const std::string& topic, const std::string& group, std::size_t credit) override;
  void settle(std::vector<transport::OwnedSettlement> settlements) override;

  void consume(const daemon::InboxEvent& event, daemon::DeliveryId delivery) override;

  // Consumers.
  void subscribe_all();
  void work();
  void work_on(const Job& job);
  void work_on_dead_order(const Job& job, Fate fate);
  void charge(Job job);
  void commit(const Job& job);
  void apply_effect(const Job& job);
  void decide(const Event& order, bool is_paid);
  void settle_order(const Event& payment);
  void store_event(Event event);

  // The link.
  void use_link();
  void pump();
  [[nodiscard]] transport::PublishBatch read(const transport::WantedEntries& wanted);
  void tell();

  // The outbox's account, as daemon/outbox_ledger.h keeps it.
  void use_disk();
  void note_durable();
  void note_acknowledged(domain::Seq seq);
  void bury(domain::Seq seq);
  void record();

  World& world_;
  const std::size_t box_;
  BoxStore& store_;
  const std::uint64_t epoch_;
  const Elapsed elapsed_;
  bool is_hung_ = false;
  bool is_dying_ = false;

  transport::RelaySession session_;
  std::string peer_;
  std::set<domain::Seq> unburied_;  // rejected, and not yet seen to be gone from the outbox
  Report report_;

  daemon::OutboxCompletion completion_;
  const bool knows_broker_;  // and would notice another one
  domain::Seq stored_;       // durable entries that completion_ and session_ know of
  domain::Seq recorded_;     // completion that was written
  std::vector<transport::SeqRange> recorded_above_;
  int burials_ = 0;                     // not yet durable
  domain::Seq acknowledged_later_ = 0;  // by the broker, while burials were on their way

  daemon::BrokerInbox inbox_;
  std::vector<Job> jobs_;
  transport::Document document_;  // scratch
};

}  // namespace outboxd::simulation
