#include "transport/ipc/poller.h"

#include <array>
#include <cerrno>

#include <sys/epoll.h>

#include "domain/check.h"
#include "transport/ipc/native.h"

namespace outboxd::transport {
namespace {

// More than are ready at a time, as a rule; the rest comes with the next wait.
constexpr std::size_t kMaxEventsPerWait = 256;

constexpr std::uint32_t kAlways = EPOLLIN | EPOLLRDHUP | EPOLLET;

epoll_event interest(std::uint32_t events, std::uint64_t key) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  return event;
}

int new_set() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  OUTBOXD_CHECK(fd >= 0);
  return fd;
}

}  // namespace

Poller::Poller(EventLoop& loop, ReadinessHandler& handler)
    : set_(loop.native().io, new_set()), handler_(handler) {}

std::shared_ptr<Poller> Poller::start(EventLoop& loop, ReadinessHandler& handler) {
  std::shared_ptr<Poller> poller(new Poller(loop, handler));
  poller->wait();
  return poller;
}

bool Poller::add(int fd, std::uint64_t key) {
  epoll_event event = interest(kAlways, key);
  return ::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::watch_writable(int fd, std::uint64_t key, bool wanted) {
  epoll_event event = interest(wanted ? kAlways | EPOLLOUT : kAlways, key);
  OUTBOXD_CHECK(::epoll_ctl(set_.native_handle(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void Poller::close() {
  closed_ = true;
  asio::error_code ignored;
  set_.close(ignored);
}

void Poller::wait() {
  set_.async_wait(asio::posix::stream_descriptor::wait_read,
                  [self = shared_from_this()](const asio::error_code& error) {
                    if (self->closed_) return;
                    OUTBOXD_CHECK(!error);
                    self->dispatch();
                    if (!self->closed_) self->wait();
                  });
}

void Poller::dispatch() {
  std::array<epoll_event, kMaxEventsPerWait> events;
  const int count =
      ::epoll_wait(set_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  OUTBOXD_CHECK(count >= 0 || errno == EINTR);
  for (int i = 0; i < count && !closed_; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    Readiness readiness;
    readiness.hung_up = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
    readiness.finished = readiness.hung_up || (event.events & EPOLLRDHUP) != 0;
    readiness.readable = readiness.finished || (event.events & EPOLLIN) != 0;
    readiness.writable = (event.events & EPOLLOUT) != 0;
    handler_.on_ready(event.data.u64, readiness);
  }
}

}  // namespace outboxd::transport
