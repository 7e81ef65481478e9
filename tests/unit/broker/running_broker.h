// A broker that runs in the test's process, over an engine that outlives it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "broker/admin_api.h"
#include "broker/broker.h"
#include "systemd/system_clock.h"
#include "tests/contract/engine/memory_engine.h"

namespace outboxd::broker {

// Broker, local API and its loop, as main.cc puts them together. The constructor throws
// std::runtime_error when it cannot listen.
class RunningBroker {
 public:
  // `directory` is for the sockets; `patience` is AdminApi's.
  RunningBroker(Engine& engine, const std::string& directory, BrokerOptions options = {},
                std::chrono::milliseconds patience = std::chrono::seconds(10));
  ~RunningBroker();
  RunningBroker(const RunningBroker&) = delete;
  RunningBroker& operator=(const RunningBroker&) = delete;

  [[nodiscard]] const std::string& endpoint() const { return broker_.endpoint(); }
  [[nodiscard]] const std::string& socket() const { return socket_; }
  Broker& broker() { return broker_; }

 private:
  const std::string socket_;
  systemd::SystemClock clock_;
  SpaceGuard space_{{}, [] { return std::uint64_t{1} << 40; }};
  transport::EventLoop loop_;
  AdminApi* api_ = nullptr;
  Broker broker_;
  std::unique_ptr<AdminApi> owned_api_;
  std::thread thread_;
};

}  // namespace outboxd::broker
