// What the broker answers on its local socket (API.md): status, metrics, topics, producers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "broker/broker.h"
#include "broker/engine.h"
#include "broker/report.h"
#include "broker/topic_tails.h"
#include "domain/clock.h"
#include "transport/ipc/event_loop.h"
#include "transport/ipc/server.h"
#include "transport/msgpack/value.h"
#include "transport/msgpack/writer.h"

namespace outboxd::broker {

// All methods only read. What the sessions know is asked of the router thread, and the reply leaves
// when the answer has come back; the rest is read from the engine on the loop's thread. Loop thread
// only, except for wake_tails().
class AdminApi final : public transport::RequestHandler {
 public:
  struct Options {
    std::string data_dir;  // whose file system's free space is reported
    transport::ServerLimits limits{.unsent_bytes = 1 << 20};
  };

  // All of them must outlive it; `broker` is stopped before the loop is.
  AdminApi(Options options, transport::EventLoop& loop, Broker& broker, const Engine& engine,
           const domain::Clock& clock);

  transport::Server& server() { return server_; }

  // Events became durable. Any thread.
  void wake_tails();

  void on_request(const transport::Request& request) override;
  void on_disconnect(transport::ConnectionId connection) override;

 private:
  using Method = domain::Status (AdminApi::*)(const transport::Request&);
  static Method method_named(std::string_view name);

  domain::Status broker_status(const transport::Request& request);
  domain::Status broker_metrics(const transport::Request& request);
  domain::Status topic_list(const transport::Request& request);
  domain::Status producer_list(const transport::Request& request);
  domain::Status topic_read(const transport::Request& request);
  domain::Status topic_tail(const transport::Request& request);

  void reply_later(transport::ReplyAddress to, std::string result);
  void report_later(std::function<void(const Report&)> use);
  [[nodiscard]] Offset end_of(std::string_view topic) const;

  const Options options_;
  transport::EventLoop& loop_;
  Broker& broker_;
  const Engine& engine_;
  const domain::Clock& clock_;
  const std::int64_t started_ms_;  // monotonic

  std::string last_error_;
  std::int64_t last_error_at_ms_ = 0;  // wall clock; 0: there was none
  std::atomic<bool> wake_posted_ = false;
  transport::Server server_;
  TopicTails tails_;
};

}  // namespace outboxd::broker
