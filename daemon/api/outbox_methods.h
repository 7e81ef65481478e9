// outbox.list, outbox.get, outbox.wait, events.tail.
#pragma once

#include <functional>
#include <string>

#include "daemon/api/method_table.h"
#include "daemon/event_tail.h"
#include "daemon/outbox_completion.h"
#include "daemon/outbox_progress.h"
#include "domain/clock.h"
#include "domain/store.h"

namespace outboxd::daemon {

// What the methods work with. Everything must outlive the table.
struct OutboxApi {
  transport::Server& server;
  domain::DurableReader& reader;
  OutboxProgressWatch& progress;
  const OutboxCompletion& completion;
  EventTail& tail;
  const domain::Clock& clock;
  std::string producer;
};

void add_outbox_methods(MethodTable& methods, OutboxApi api);

// Answers waits that are over: those that reached their level, were given up, or end with the
// daemon.
void answer_reached(const OutboxApi& api, const std::vector<OutboxWait>& waits);
void answer_timed_out(const OutboxApi& api, const std::vector<OutboxWait>& waits);
void answer_shutting_down(const OutboxApi& api, const std::vector<OutboxWait>& waits);

}  // namespace outboxd::daemon
