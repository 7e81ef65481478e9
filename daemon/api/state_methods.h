// tx.commit, state.get, state.list.
#pragma once

#include "daemon/api/method_table.h"
#include "daemon/core.h"
#include "daemon/services/transaction_service.h"
#include "domain/store.h"

namespace outboxd::daemon {

// What the methods work with. Everything must outlive the table.
struct StateApi {
  Core& core;
  transport::Server& server;
  TransactionService& transactions;
  domain::DurableReader& reader;
};

void add_state_methods(MethodTable& methods, StateApi api);

}  // namespace outboxd::daemon
