// link.explain, link.accept_broker, link.new_life, link.take_over: what is wrong with the link, and
// the ways out.
#pragma once

#include <functional>

#include "daemon/api/method_table.h"
#include "daemon/link_decisions.h"
#include "daemon/relay.h"
#include "domain/store.h"
#include "domain/store_identity.h"
#include "transport/ipc/server.h"

namespace outboxd::daemon {

// What the methods work with. Everything must outlive the table.
struct LinkApi {
  transport::Server& server;
  const Relay& relay;
  const domain::IdentityKeeper& keeper;
  LinkDecisions& decisions;
  std::function<domain::OutboxProgress()> progress;
};

// The member `conflict` of a link's status: nil, or what the two ends have of each other.
void write_conflict(transport::Writer& writer, const LinkStatus& link);

void add_link_methods(MethodTable& methods, LinkApi api);

}  // namespace outboxd::daemon
