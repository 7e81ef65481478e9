// tx.commit, state.get, state.list.
#pragma once

#include "daemon/api/method_table.h"
#include "daemon/core.h"
#include "daemon/inbox/broker_inbox.h"
#include "daemon/inbox/local_consumers.h"
#include "daemon/services/transaction_service.h"
#include "domain/clock.h"
#include "domain/store.h"

namespace outboxd::daemon {

// What the methods work with. Everything must outlive the table.
struct StateApi {
  Core& core;
  transport::Server& server;
  TransactionService& transactions;
  domain::DurableReader& reader;
  LocalConsumers& consumers;
  const BrokerInbox& inbox;
  const domain::ElapsedTime& elapsed;
};

void add_state_methods(MethodTable& methods, StateApi api);

}  // namespace outboxd::daemon
