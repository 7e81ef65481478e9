// Feeds the broker link from the outbox and the inbox, and brings what the broker says back to the
// core thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/inbox/delivery_channel.h"
#include "domain/clock.h"
#include "domain/mutex.h"
#include "domain/store.h"
#include "transport/ipc/event_loop.h"
#include "transport/link/relay_link.h"

namespace outboxd::daemon {

// The link as people see it. `since_ms` is wall time.
struct LinkStatus {
  transport::LinkState state = transport::LinkState::kOff;
  domain::TimestampMs since_ms = 0;
  std::string last_error;
  transport::LinkConflict conflict;  // of kConflict and kFenced
};

struct RelayOptions {
  transport::RelayLinkOptions link;
  // Fresh entries are kept in memory up to this, so that a relay that keeps up reads nothing from
  // the disk.
  std::size_t fresh_bytes = 4 << 20;
  // What is published in the place of an event that nobody has any more.
  std::function<std::string(domain::Seq)> lost_envelope = {};
};

// What the relay tells the daemon; called on the core thread.
struct RelayEvents {
  std::function<void(domain::Seq)> acknowledged;
  std::function<void(domain::Seq, const std::string& code, const std::string& message)> rejected;
  std::function<void(const LinkStatus&)> link_changed;
  // A session has begun with the broker whose store this is. Before what is acknowledged in it.
  std::function<void(const std::string& history)> session = {};
  std::function<void(std::vector<transport::OwnedDelivery>)> delivered = {};
  std::function<void(std::vector<std::uint64_t> tags)> settled = {};
  std::function<void(const std::string& topic, const std::vector<transport::SeqRange>&)> completed =
      {};
  std::function<void(const transport::Subscription& refused, const std::string& code,
                     const std::string& message)>
      subscription_refused = {};
};

// Between core thread and link thread. Constructed, started and destroyed on the core thread;
// `reader`, `clock` and `loop` outlive it.
class Relay : public DeliveryChannel,
              public transport::PublishSource,
              public transport::LinkObserver {
 public:
  // `progress` tells where the durable outbox stands, on any thread.
  Relay(RelayOptions options, transport::EventLoop& loop, domain::DurableReader& reader,
        std::function<domain::OutboxProgress()> progress, const domain::Clock& clock,
        RelayEvents events);
  ~Relay() override;

  domain::Status start();

  // Entries of a group that has just become durable. Core thread.
  void offer(const domain::SealedGroup& group);

  // What was offered may have been buried since: it is read again before it is published. Core
  // thread.
  void forget_fresh();

  // Without a broker nothing is delivered, and these do nothing.
  void subscribe(const std::string& topic, const std::string& group, std::size_t credit) override;
  void settle(std::vector<transport::OwnedSettlement> settlements) override;

  // Gives the broker up to `linger_ms` for what is in flight, and ends the link thread. Core
  // thread.
  void stop(std::int64_t linger_ms);

  // Ends the link and begins another one with `options`: people decided. What was delivered and not
  // settled comes again. Core thread. Error: as for start().
  domain::Status restart(transport::RelayLinkOptions options);
  [[nodiscard]] const transport::RelayLinkOptions& link_options() const { return options_.link; }

  // Core thread.
  [[nodiscard]] const LinkStatus& status() const { return status_; }

 private:
  domain::Status read(domain::Seq from, std::size_t max_events, std::size_t max_bytes,
                      transport::PublishBatch& batch) override;
  std::uint64_t chain_at(domain::Seq seq) override;
  domain::Seq first_kept() override;
  void on_conflict(transport::LinkConflict conflict) override;
  void on_session(std::string history) override;
  void on_link_state(transport::LinkState state, std::string reason) override;
  void on_acknowledged(domain::Seq seq) override;
  void on_rejected(domain::Seq seq, std::string code, std::string message) override;
  void on_deliveries(std::vector<transport::OwnedDelivery> deliveries) override;
  void on_settled(std::vector<std::uint64_t> tags) override;
  void on_completed(std::string topic, std::vector<transport::SeqRange> ranges) override;
  void on_subscription_refused(std::string topic, std::string group, std::string code,
                               std::string message) override;

  void make_link();
  bool read_lost(domain::Seq from, std::size_t max_events, std::size_t max_bytes,
                 transport::PublishBatch& batch);
  bool read_fresh(domain::Seq from, std::size_t max_events, std::size_t max_bytes,
                  transport::PublishBatch& batch);
  domain::Status read_stored(domain::Seq from, std::size_t max_events, std::size_t max_bytes,
                             transport::PublishBatch& batch);
  void drop_fresh_through(domain::Seq seq) OUTBOXD_REQUIRES(mutex_);
  void post_report() OUTBOXD_REQUIRES(mutex_);
  void report();
  struct Report;
  void tell(Report report);

  // Constant after construction.
  RelayOptions options_;  // changed by restart(), while there is no link thread
  transport::EventLoop& loop_;
  domain::DurableReader& reader_;
  const std::function<domain::OutboxProgress()> progress_;
  const domain::Clock& clock_;
  const RelayEvents events_;

  // Core thread only.
  LinkStatus status_;
  std::map<std::pair<std::string, std::string>, std::size_t> subscriptions_;  // to their credit

  // Link thread only. Rejected, and not yet seen to be gone from the outbox: their withdrawal must
  // not be published before the dead letter is durable, or a crash between the two would lose the
  // event (G5).
  std::set<domain::Seq> unburied_;
  domain::Seq damaged_seq_ = 0;  // cannot be read, and nothing behind it is published; 0: none

  // Both threads.
  struct Fresh {
    domain::Seq seq;
    std::uint64_t chain;
    std::string envelope;
  };
  domain::Mutex mutex_;
  std::deque<Fresh> fresh_ OUTBOXD_GUARDED_BY(mutex_);  // consecutive
  std::size_t fresh_size_ OUTBOXD_GUARDED_BY(mutex_) = 0;
  bool keep_fresh_ OUTBOXD_GUARDED_BY(mutex_) = false;  // while a broker is connected
  struct Rejection {
    domain::Seq seq;
    std::string code;
    std::string message;
  };
  struct Completion {
    std::string topic;
    std::vector<transport::SeqRange> ranges;
  };
  // What the core thread has not been told yet. The deliveries in it are bounded by the credit that
  // was given.
  struct Report {
    std::vector<Rejection> rejected;
    domain::Seq acknowledged = 0;
    std::vector<Completion> completed;
    std::vector<transport::OwnedDelivery> deliveries;
    std::vector<std::uint64_t> settled;
  };
  Report report_ OUTBOXD_GUARDED_BY(mutex_);
  bool report_posted_ OUTBOXD_GUARDED_BY(mutex_) = false;

  std::unique_ptr<transport::RelayLink> link_;  // last: its thread uses everything above
};

}  // namespace outboxd::daemon
