// dead.list, dead.get, dead.replay, dead.discard: the local dead letters.
#pragma once

#include <functional>
#include <string>

#include "daemon/api/method_table.h"
#include "daemon/core.h"
#include "daemon/outbox_publisher.h"
#include "domain/store.h"

namespace outboxd::daemon {

// What the methods work with. Everything must outlive the table.
struct DeadApi {
  Core& core;
  transport::Server& server;
  domain::DurableReader& reader;
  const OutboxPublisher::Backlog& backlog;
  std::string producer;
  std::function<domain::Status()> admit_write = {};  // why nothing may be written now, if so
};

void add_dead_methods(MethodTable& methods, DeadApi api);

}  // namespace outboxd::daemon
