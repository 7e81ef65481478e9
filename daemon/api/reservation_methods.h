// reservation.*
#pragma once

#include "daemon/api/method_table.h"
#include "daemon/core.h"
#include "daemon/services/reservation_service.h"
#include "domain/clock.h"
#include "domain/store.h"

namespace outboxd::daemon {

struct ReservationApi {
  Core& core;
  transport::Server& server;
  ReservationService& reservations;
  domain::DurableReader& reader;
  domain::IdGenerator& ids;
};

void add_reservation_methods(MethodTable& methods, ReservationApi api);

}  // namespace outboxd::daemon
