// inbox.subscribe, inbox.settle.
#pragma once

#include "daemon/api/method_table.h"
#include "daemon/core.h"
#include "daemon/inbox/broker_inbox.h"
#include "daemon/inbox/local_consumers.h"
#include "domain/clock.h"

namespace outboxd::daemon {

// What the methods work with. Everything must outlive the table.
struct InboxApi {
  Core& core;
  transport::Server& server;
  LocalConsumers& consumers;
  const BrokerInbox& inbox;
  const domain::ElapsedTime& elapsed;
};

void add_inbox_methods(MethodTable& methods, InboxApi api);

}  // namespace outboxd::daemon
