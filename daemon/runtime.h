// The running daemon, on top of ports: threads, timers, methods, and an orderly end.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "daemon/access_rules.h"
#include "daemon/api/daemon_methods.h"
#include "daemon/api/gateway.h"
#include "daemon/api/outbox_methods.h"
#include "daemon/config.h"
#include "daemon/core.h"
#include "daemon/damage_watch.h"
#include "daemon/disk_guard.h"
#include "daemon/event_tail.h"
#include "daemon/inbox/broker_inbox.h"
#include "daemon/inbox/local_consumers.h"
#include "daemon/link_decisions.h"
#include "daemon/maintenance.h"
#include "daemon/metrics.h"
#include "daemon/modules.h"
#include "daemon/outbox_check.h"
#include "daemon/outbox_completion.h"
#include "daemon/outbox_expiry.h"
#include "daemon/outbox_ledger.h"
#include "daemon/outbox_progress.h"
#include "daemon/outbox_publisher.h"
#include "daemon/relay.h"
#include "daemon/services/transaction_service.h"
#include "daemon/watched_reader.h"
#include "daemon/worker_pool.h"
#include "domain/clock.h"
#include "domain/event_publisher.h"
#include "domain/payment_gateway.h"
#include "domain/store.h"
#include "transport/ipc/event_loop.h"
#include "transport/ipc/server.h"

namespace outboxd::daemon {

// Everything concrete that the daemon stands on. All of it outlives the Runtime.
struct RuntimeParts {
  const Config& config;
  const AccessRules& access;
  domain::Store& store;
  domain::DurableReader& reader;
  domain::IdentityKeeper& identity;
  Maintenance& maintenance;
  DamageWatch& damage;
  domain::EventPublisher& publisher;
  OutboxPublisher::Backlog& backlog;  // kept up to date for the publisher
  const domain::Clock& clock;
  const domain::ElapsedTime& elapsed;
  domain::IdGenerator& ids;
  domain::PaymentGateway& payment_gateway;
  std::function<std::string(domain::Seq)> lost_envelope;  // in the place of an event that is lost
  std::uint64_t epoch = 0;
  std::function<domain::OutboxProgress()> durable_progress;  // any thread
  std::vector<domain::SeqRange> complete_above;              // where the last start left off
  std::function<std::uint64_t()> free_bytes;
  std::function<void(DiskLevel)> on_disk_level;  // told once a second
};

// Thread contract: constructed, run and destroyed on one thread, the core thread. stop() from any
// thread.
class Runtime {
 public:
  explicit Runtime(RuntimeParts parts);

  // Listens (or takes over `listening_fds`), connects, says that it is ready, and serves until
  // stop(). Error: the socket or the endpoint cannot be used; nothing was served then.
  domain::Status run(const std::vector<int>& listening_fds);

  // Answers what was received, gives the broker a moment for what is in flight, and ends run(). Any
  // thread.
  void stop();

 private:
  void add_methods();
  void schedule();
  void every_second();
  void maintain();
  void look_for_damage();
  [[nodiscard]] domain::Status admit_write() const;
  void feed_watchdog();
  void at_turn_end();
  void begin_drain();
  void finish_drain();

  void on_durable(const domain::SealedGroup& group);
  void on_link_changed(const LinkStatus& link);
  void on_session(const std::string& history);
  RelayEvents relay_events();
  void remove_marks();
  void expire_unpublished();
  void expire_holds();
  void keep_time();

  const RuntimeParts parts_;
  const DaemonFacts facts_;

  WatchedReader reader_;
  transport::EventLoop loop_;
  DiskGuard disk_;
  Metrics metrics_;
  MethodTable methods_;
  Gateway gateway_;
  transport::Server server_;
  Core core_;
  OutboxProgressWatch progress_;
  OutboxCompletion completion_;
  EventTail tail_;
  InProcessEvents events_;
  TransactionService transactions_;
  Relay relay_;
  BrokerInbox inbox_;
  LocalConsumers consumers_;
  Modules modules_;
  OutboxApi outbox_api_;
  OutboxLedger ledger_;
  OutboxExpiry expiry_;
  LinkDecisions decisions_;

  bool draining_ = false;
  bool collecting_ = false;
  bool is_damage_told_ = false;
  std::int64_t time_kept_ms_ = 0;  // elapsed time of the newest group
  bool wait_timer_armed_ = false;
  bool tail_timer_armed_ = false;
  transport::EventLoop::Timer second_timer_;
  transport::EventLoop::Timer wait_timer_;
  transport::EventLoop::Timer tail_timer_;
  transport::EventLoop::Timer watchdog_timer_;
  transport::EventLoop::Timer drain_timer_;

  // Background thread only.
  OutboxCheck check_;
  bool is_checked_ = false;

  WorkerPool worker_;  // last: its jobs use everything above
};

}  // namespace outboxd::daemon
