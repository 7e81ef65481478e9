// The thread behind each end of the link. For this folder's .cc files only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <zmq.hpp>

#include "transport/link/wake_event.h"

namespace outboxd::transport {

// What both ends set on their socket, for the reasons in PROTOCOL.md, "Sockets".
void configure_for_link(zmq::socket_t& socket);

// One thread that waits for ZeroMQ sockets and for work from other threads. Its owner gives it the
// body of its loop, and sees to it that the body returns before join().
//
// Work that is posted before start() waits for it; what is posted after the body has returned is
// dropped.
class SocketThread {
 public:
  SocketThread() = default;
  SocketThread(const SocketThread&) = delete;
  SocketThread& operator=(const SocketThread&) = delete;

  // Owner's thread. `body` runs with all signals blocked: they are for the thread that waits for
  // them, never for a socket's.
  void start(std::function<void()> body);
  void join();
  [[nodiscard]] bool is_running() const { return thread_.joinable(); }

  // Any thread: `work` is for run_posted(), in order; wake() only ends a wait(). Signals that the
  // thread has not seen yet are one.
  void post(std::function<void()> work);
  void wake() { wake_.signal(); }

  // On the thread itself.
  void run_posted();

  // Waits until one of `items` is ready, somebody wakes the thread, or `timeout_ms` (-1: for ever)
  // is over. ZeroMQ looks at its sockets' events itself here, so that the edges of ZMQ_FD cannot be
  // missed. An interruption is an early end.
  template <std::size_t N>
  void wait(const std::array<zmq_pollitem_t, N>& items, std::int64_t timeout_ms) {
    std::array<zmq_pollitem_t, N + 1> all;
    std::copy(items.begin(), items.end(), all.begin());
    all[N] = {nullptr, wake_.fd(), ZMQ_POLLIN, 0};
    poll(all.data(), N + 1, timeout_ms);
  }

 private:
  // The last of `items` is the wake event's.
  void poll(zmq_pollitem_t* items, std::size_t count, std::int64_t timeout_ms);

  WakeEvent wake_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // under mutex_
  bool closed_ = false;                        // under mutex_

  std::vector<std::function<void()>> running_;  // its own thread only
  std::thread thread_;
};

}  // namespace outboxd::transport
