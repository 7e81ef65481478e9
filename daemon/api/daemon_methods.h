// daemon.status, daemon.metrics, daemon.verify, daemon.compact.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/api/gateway.h"
#include "daemon/api/method_table.h"
#include "daemon/core.h"
#include "daemon/damage_watch.h"
#include "daemon/disk_guard.h"
#include "daemon/inbox/broker_inbox.h"
#include "daemon/inbox/local_consumers.h"
#include "daemon/maintenance.h"
#include "daemon/metrics.h"
#include "daemon/modules.h"
#include "daemon/outbox_completion.h"
#include "daemon/outbox_progress.h"
#include "daemon/relay.h"
#include "daemon/worker_pool.h"
#include "domain/clock.h"
#include "domain/store.h"

namespace outboxd::daemon {

// What does not change while the daemon runs.
struct DaemonFacts {
  std::string producer;
  std::uint64_t epoch = 0;
  std::string endpoint;  // of the broker; empty: none
  std::vector<std::string> modules;
  std::int64_t started_monotonic_ms = 0;
  std::uint64_t max_backlog_events = 0;
};

// What the methods work with. Everything must outlive the table.
struct DaemonApi {
  transport::EventLoop& loop;
  transport::Server& server;
  const Core& core;
  const Gateway& gateway;
  const Relay& relay;
  const DiskGuard& disk;
  const OutboxProgressWatch& progress;
  const OutboxCompletion& completion;
  const BrokerInbox& inbox;
  const LocalConsumers& consumers;
  const Modules& modules;
  const Metrics& metrics;
  domain::DurableReader& reader;
  Maintenance& maintenance;
  DamageWatch& damage;
  WorkerPool& worker;
  const domain::Clock& clock;
  const DaemonFacts& facts;
};

void add_daemon_methods(MethodTable& methods, DaemonApi api);

}  // namespace outboxd::daemon
