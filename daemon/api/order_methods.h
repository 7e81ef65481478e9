// order.create, order.get, order.list, order.cancel.
#pragma once

#include "daemon/api/method_table.h"
#include "daemon/core.h"
#include "daemon/services/order_service.h"
#include "domain/clock.h"
#include "domain/store.h"

namespace outboxd::daemon {

// What the methods work with. Everything must outlive the table.
struct OrderApi {
  Core& core;
  transport::Server& server;
  OrderService& orders;
  domain::DurableReader& reader;
  domain::IdGenerator& ids;
};

void add_order_methods(MethodTable& methods, OrderApi api);

}  // namespace outboxd::daemon
