#include "tests/bench/load_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <span>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/bench/errors.h"

namespace outboxd::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReceiveBytes = std::size_t{256} * 1024;
constexpr int kReplyTimeoutMs = 60'000;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

LoadLoop::LoadLoop(std::vector<UniqueFd> sockets, std::uint32_t in_flight, LoadProtocol& protocol,
                   std::uint64_t first_number)
    : protocol_(protocol),
      in_flight_(in_flight),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      next_number_(first_number),
      receive_buffer_(kReceiveBytes) {
  if (epoll_.get() < 0) throw_errno("epoll_create1");
  connections_.reserve(sockets.size());
  for (UniqueFd& socket : sockets) {
    connections_.emplace_back();
    Connection& connection = connections_.back();
    connection.socket = std::move(socket);
    ::fcntl(connection.socket.get(), F_SETFL, O_NONBLOCK);
    watch(connection, false, EPOLL_CTL_ADD);
  }
}

void LoadLoop::watch(Connection& connection, bool for_room, int operation) {
  epoll_event event{};
  event.events = EPOLLIN | (for_room ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
  event.data.ptr = &connection;
  if (::epoll_ctl(epoll_.get(), operation, connection.socket.get(), &event) != 0) {
    throw_errno("epoll_ctl");
  }
  connection.waits_for_room = for_room;
}

void LoadLoop::start(std::uint64_t limit) {
  number_limit_ = limit;
  completed_ = 0;
  for (Connection& connection : connections_) {
    enqueue(connection, in_flight_);
    send(connection);
  }
}

LoadResult LoadLoop::run_for(std::chrono::duration<double> warm_up,
                             std::chrono::duration<double> window) {
  const auto begin = Clock::now();
  start(std::numeric_limits<std::uint64_t>::max());
  while (seconds_since(begin) < warm_up.count()) turn();
  const auto window_begin = Clock::now();
  const std::uint64_t completed_before = completed_;
  while (seconds_since(window_begin) < window.count()) turn();
  const LoadResult result{completed_ - completed_before, seconds_since(window_begin)};
  number_limit_ = next_number_;
  while (outstanding_ > 0) turn();
  return result;
}

LoadResult LoadLoop::run_count(std::uint64_t count) {
  const auto begin = Clock::now();
  start(next_number_ + count);
  while (outstanding_ > 0) turn();
  return {completed_, seconds_since(begin)};
}

void LoadLoop::turn() {
  std::array<epoll_event, 64> events{};
  const int ready =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), kReplyTimeoutMs);
  if (ready < 0 && errno == EINTR) return;
  if (ready < 0) throw_errno("epoll_wait");
  if (ready == 0) throw BenchError("no reply for 60 s");
  for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(ready))) {
    auto& connection = *static_cast<Connection*>(event.data.ptr);
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive(connection);
    if (!connection.output.empty()) send(connection);
  }
}

void LoadLoop::receive(Connection& connection) {
  const ssize_t got =
      ::recv(connection.socket.get(), receive_buffer_.data(), receive_buffer_.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) throw BenchError("the server closed a connection");
  const char* data = receive_buffer_.data();
  auto size = static_cast<std::size_t>(got);
  // Only the half reply at the end of a read is ever copied.
  if (!connection.input.empty()) {
    connection.input.append(data, size);
    data = connection.input.data();
    size = connection.input.size();
  }
  const LoadProtocol::Replies replies = protocol_.count_replies(data, size);
  std::string rest(data + replies.consumed_bytes, size - replies.consumed_bytes);
  connection.input = std::move(rest);
  if (replies.count > outstanding_) throw BenchError("more replies than requests");
  outstanding_ -= replies.count;
  completed_ += replies.count;
  enqueue(connection, replies.count);
}

void LoadLoop::enqueue(Connection& connection, std::uint32_t requests) {
  const std::uint64_t allowed = number_limit_ - next_number_;
  const std::uint64_t sent = std::min<std::uint64_t>(requests, allowed);
  for (std::uint64_t i = 0; i < sent; ++i) {
    protocol_.append_request(next_number_++, connection.output);
  }
  outstanding_ += sent;
}

void LoadLoop::send(Connection& connection) {
  std::string& output = connection.output;
  while (connection.output_sent < output.size()) {
    const ssize_t written = ::send(connection.socket.get(), output.data() + connection.output_sent,
                                   output.size() - connection.output_sent, MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      if (!connection.waits_for_room) watch(connection, true, EPOLL_CTL_MOD);
      return;
    }
    if (written <= 0) throw_errno("send to a server");
    connection.output_sent += static_cast<std::size_t>(written);
  }
  output.clear();
  connection.output_sent = 0;
  if (connection.waits_for_room) watch(connection, false, EPOLL_CTL_MOD);
}

}  // namespace outboxd::bench
