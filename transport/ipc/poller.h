// The sockets of many connections, watched as one.
#pragma once

#include <cstdint>
#include <memory>

#include <asio/posix/stream_descriptor.hpp>

#include "transport/ipc/event_loop.h"

namespace outboxd::transport {

// What became possible with a socket.
struct Readiness {
  bool readable = false;  // also at the end of input, and after an error
  bool writable = false;  // only while asked for
  bool finished = false;  // the peer sends nothing more
  bool hung_up = false;   // the peer is gone
};

class ReadinessHandler {
 public:
  virtual ~ReadinessHandler() = default;

  // `key` may belong to a socket that was closed in this turn.
  virtual void on_ready(std::uint64_t key, Readiness readiness) = 0;
};

// An epoll set of its own, which is one descriptor to the loop. With a wait of Asio's for each
// socket, every read would be followed by a second one that finds nothing, and by an allocation;
// here, one wait serves all that are ready. Edge-triggered: each change is told once.
//
// Lives on the loop's thread; shared with its own pending wait, which may outlive close().
class Poller : public std::enable_shared_from_this<Poller> {
 public:
  static std::shared_ptr<Poller> start(EventLoop& loop, ReadinessHandler& handler);

  // False when the kernel has no room for it. Closing the socket removes it.
  bool add(int fd, std::uint64_t key);

  // Whether to tell when `fd` can be written to.
  void watch_writable(int fd, std::uint64_t key, bool wanted);

  // The handler is not called any more.
  void close();

 private:
  Poller(EventLoop& loop, ReadinessHandler& handler);
  void wait();
  void dispatch();

  asio::posix::stream_descriptor set_;
  ReadinessHandler& handler_;
  bool closed_ = false;
};

}  // namespace outboxd::transport
