// payment.get, payment.list.
#pragma once

#include <string>

#include "daemon/api/method_table.h"
#include "daemon/core.h"
#include "daemon/services/payment_service.h"
#include "domain/store.h"

namespace outboxd::daemon {

// What the methods work with. Everything must outlive the table.
struct PaymentApi {
  Core& core;
  transport::Server& server;
  PaymentService& payments;
  domain::DurableReader& reader;
  std::string producer;  // whose order is meant when a request names none
};

void add_payment_methods(MethodTable& methods, PaymentApi api);

}  // namespace outboxd::daemon
