// The gate through which every local request passes: known method, allowed caller, room to write.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "daemon/access_rules.h"
#include "daemon/api/method_table.h"
#include "transport/ipc/server.h"

namespace outboxd::daemon {

struct GatewayCounters {
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;  // before a use case ran
};

// Core thread only. Everything given must outlive it. `admit_write` tells why requests may not
// write now, if so.
class Gateway : public transport::RequestHandler {
 public:
  Gateway(const MethodTable& methods, const AccessRules& access,
          std::function<domain::Status()> admit_write)
      : methods_(methods), access_(access), admit_write_(std::move(admit_write)) {}

  void attach(transport::Server& server) { server_ = &server; }

  // `hook` is told of every connection that ends.
  void on_connection_end(std::function<void(transport::ConnectionId)> hook) {
    connection_hooks_.push_back(std::move(hook));
  }

  void on_request(const transport::Request& request) override;
  void on_disconnect(transport::ConnectionId connection) override;

  [[nodiscard]] const GatewayCounters& counters() const { return counters_; }

 private:
  domain::Status dispatch(const transport::Request& request) const;

  const MethodTable& methods_;
  const AccessRules& access_;
  const std::function<domain::Status()> admit_write_;
  transport::Server* server_ = nullptr;
  std::vector<std::function<void(transport::ConnectionId)>> connection_hooks_;
  GatewayCounters counters_;
};

}  // namespace outboxd::daemon
