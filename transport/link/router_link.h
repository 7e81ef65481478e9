// The broker's end of the link: one thread, one ZeroMQ ROUTER.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "domain/clock.h"
#include "domain/result.h"

namespace outboxd::transport {

// What the broker does with frames. Called on the router thread.
class RouterHandler {
 public:
  virtual ~RouterHandler() = default;

  // `peer` names the connection; both views are valid during the call only.
  virtual void on_frame(std::string_view peer, std::string_view frame, std::int64_t now_ms) = 0;

  // Everything that was ready has been handed over (a bounded number of frames): the place for work
  // that is cheaper in batches.
  virtual void on_turn_end() = 0;

  // About once a second.
  virtual void on_tick(std::int64_t now_ms) = 0;
};

struct RouterLinkOptions {
  std::string endpoint;  // tcp://127.0.0.1:PORT (0: any free one) or ipc://PATH
};

// Owns the router thread. `handler` and `clock` must outlive it.
class RouterLink {
 public:
  RouterLink(RouterLinkOptions options, const domain::Clock& clock, RouterHandler& handler);
  ~RouterLink();  // stop()

  // Binds and starts the thread. Error: bad_request for an endpoint that is not of this machine or
  // that cannot be bound; nothing runs then.
  domain::Status start();

  // The endpoint that was bound, with its port. After start().
  [[nodiscard]] const std::string& endpoint() const;

  // Runs `work` on the router thread, in order, followed by on_turn_end(). Any thread. Dropped when
  // the link has stopped.
  void post(std::function<void()> work);

  // Sends `frame` to `peer`, or returns false at once when it is gone or cannot take it now; the
  // frame is lost then. Router thread only.
  bool send(std::string_view peer, std::string frame);

  // The next turn begins at `at_ms` of the monotonic clock at the latest, though nothing happens.
  // Holds for that turn only. Router thread only.
  void turn_by(std::int64_t at_ms);

  // Runs what was posted before, closes the socket and joins. What was sent shortly before may be
  // lost. Any thread but the router's own.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace outboxd::transport
