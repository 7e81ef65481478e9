#include "transport/link/socket_thread.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include "domain/check.h"
#include "transport/limits.h"

namespace outboxd::transport {
namespace {

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

void configure_for_link(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMaxFrameBytes));
  socket.set(zmq::sockopt::heartbeat_ivl, 5'000);
  socket.set(zmq::sockopt::heartbeat_timeout, 15'000);
  socket.set(zmq::sockopt::heartbeat_ttl, 15'000);
  socket.set(zmq::sockopt::handshake_ivl, 5'000);
}

void SocketThread::start(std::function<void()> body) {
  OUTBOXD_CHECK(!thread_.joinable());
  thread_ = std::thread([this, body = std::move(body)] {
    block_signals();
    body();
    const std::lock_guard lock(mutex_);
    closed_ = true;
    posted_.clear();
  });
}

void SocketThread::join() {
  thread_.join();
}

void SocketThread::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    posted_.push_back(std::move(work));
  }
  wake_.signal();
}

void SocketThread::run_posted() {
  {
    const std::lock_guard lock(mutex_);
    running_.swap(posted_);
  }
  for (const auto& work : running_) work();
  running_.clear();
}

void SocketThread::poll(zmq_pollitem_t* items, std::size_t count, std::int64_t timeout_ms) {
  if (zmq_poll(items, static_cast<int>(count), static_cast<long>(timeout_ms)) < 0) {
    if (errno != EINTR) throw zmq::error_t();
    return;
  }
  if ((items[count - 1].revents & ZMQ_POLLIN) != 0) wake_.clear();
}

}  // namespace outboxd::transport
