// What the broker answers on its local socket (API.md): status, metrics, topics, producers, groups
// and their dead letters.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "broker/broker.h"
#include "broker/engine.h"
#include "broker/group_methods.h"
#include "broker/report.h"
#include "broker/space_guard.h"
#include "broker/topic_tails.h"
#include "domain/clock.h"
#include "transport/ipc/event_loop.h"
#include "transport/ipc/server.h"
#include "transport/msgpack/value.h"
#include "transport/msgpack/writer.h"

namespace outboxd::broker {

// What sessions and groups know is asked of the router thread, and the reply leaves when the answer
// has come back; the rest is read from the engine on the loop's thread. Status and metrics do not
// depend on the router: while that waits for the disk, they tell the last figures and their age.
// Loop thread only, except for wake_tails().
class AdminApi final : public transport::RequestHandler {
 public:
  struct Options {
    std::chrono::milliseconds patience{1000};  // how long status waits for fresh figures
    transport::ServerLimits limits{.unsent_bytes = 1 << 20};
  };

  // All of them must outlive it; `broker` is stopped before the loop is.
  AdminApi(Options options, transport::EventLoop& loop, Broker& broker, const Engine& engine,
           const SpaceGuard& space, const domain::Clock& clock);

  transport::Server& server() { return server_; }

  // Events became durable. Any thread.
  void wake_tails();

  void on_request(const transport::Request& request) override;
  void on_disconnect(transport::ConnectionId connection) override;

 private:
  using Method = domain::Status (AdminApi::*)(const transport::Request&);
  using UseReport = std::function<std::string(const Report&)>;  // gives the reply

  // A request that waits for the figures of the router thread.
  struct Waiting {
    transport::ReplyAddress reply_to;
    UseReport use;
    transport::EventLoop::Timer patience;
    bool asked = false;  // the question that is out was asked after it came
  };
  struct Figures {
    BrokerSnapshot broker;
    std::vector<GroupSnapshot> groups;
    GroupCounters group_counters;
  };

  static Method method_named(std::string_view name);
  domain::Status dispatch(const transport::Request& request);

  domain::Status broker_status(const transport::Request& request);
  domain::Status broker_metrics(const transport::Request& request);
  domain::Status topic_list(const transport::Request& request);
  domain::Status producer_list(const transport::Request& request);
  domain::Status topic_read(const transport::Request& request);
  domain::Status topic_tail(const transport::Request& request);

  void reply_later(transport::ReplyAddress to, std::string result);
  void report_later(transport::ReplyAddress to, UseReport use);
  void ask_router();
  void take(Figures figures);
  void answer(const Waiting& waiting);
  [[nodiscard]] Offset end_of(std::string_view topic) const;

  const Options options_;
  transport::EventLoop& loop_;
  Broker& broker_;
  const Engine& engine_;
  const SpaceGuard& space_;
  const domain::Clock& clock_;
  const std::int64_t started_ms_;  // monotonic

  std::string last_error_;
  std::int64_t last_error_at_ms_ = 0;  // wall clock; 0: there was none
  std::atomic<bool> wake_posted_ = false;
  transport::Server server_;
  TopicTails tails_;
  GroupMethods group_methods_;

  std::list<Waiting> waiting_;
  bool router_asked_ = false;   // and has not answered
  Figures figures_;             // the last ones
  std::int64_t figures_at_ms_;  // monotonic
};

}  // namespace outboxd::broker
