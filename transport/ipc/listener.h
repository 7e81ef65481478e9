// A listening Unix socket.
#pragma once

#include <memory>
#include <string>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <sys/types.h>

#include "domain/result.h"
#include "transport/ipc/event_loop.h"

namespace outboxd::transport {

// Gets what a Listener accepts, and owns the descriptors from then on. They are non-blocking and
// closed on exec.
class AcceptHandler {
 public:
  virtual ~AcceptHandler() = default;

  virtual void on_accept(int fd) = 0;

  // The process is out of file descriptors and this one was taken from the reserve: tell the client
  // and close it before returning.
  virtual void on_accept_without_room(int fd) = 0;
};

// Accepts until it is closed. Lives on the loop's thread; shared with its own pending wait, which
// may outlive close().
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  // Creates the socket at `path`. Errors: bad_request, naming the path and what is in the way.
  static domain::Result<std::shared_ptr<Listener>> at_path(EventLoop& loop, AcceptHandler& handler,
                                                           const std::string& path, mode_t mode);

  // Takes a listening socket over.
  static std::shared_ptr<Listener> adopted(EventLoop& loop, AcceptHandler& handler, int fd);

  ~Listener();

  void start();

  // Stops accepting, and removes the path if it is still the one that was made. The handler is not
  // called any more.
  void close();

 private:
  // The file behind a path, to tell ours from one that replaced it.
  struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;
  };

  Listener(EventLoop& loop, AcceptHandler& handler, int fd);
  void wait();
  void accept_ready();
  bool accept_from_reserve();
  void remember_path(const std::string& path);

  asio::posix::stream_descriptor socket_;
  asio::steady_timer pause_;
  AcceptHandler& handler_;
  int reserve_fd_;  // given up for a moment when the process is out of descriptors
  bool closed_ = false;
  std::string path_;  // empty: adopted
  FileIdentity file_;
};

}  // namespace outboxd::transport
