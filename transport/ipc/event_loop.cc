#include "transport/ipc/event_loop.h"

#include <cstddef>
#include <utility>

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "domain/check.h"
#include "transport/ipc/native.h"

namespace outboxd::transport {
namespace {

// Bounds a turn, so that hooks run however busy the sockets are.
constexpr std::size_t kMaxHandlersPerTurn = 64;

}  // namespace

EventLoop::EventLoop() : native_(std::make_unique<Native>()) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() {
  Native& native = *native_;
  native.stopping = false;
  while (!native.stopping) {
    if (!native.turn_wanted) native.io.run_one();
    for (std::size_t i = 0; i < kMaxHandlersPerTurn && native.io.poll_one() > 0; ++i) {
    }
    native.turn_wanted = false;
    for (std::size_t i = 0; i < native.turn_end_hooks.size(); ++i) native.turn_end_hooks[i]();
  }
}

void EventLoop::stop() {
  asio::post(native_->io, [native = native_.get()] { native->stopping = true; });
}

void EventLoop::post(std::function<void()> work) {
  asio::post(native_->io, std::move(work));
}

void EventLoop::at_turn_end(std::function<void()> hook) {
  native_->turn_end_hooks.push_back(std::move(hook));
}

// Shared with the wait that is under way, which may already be on its way to its handler when the
// timer is cancelled; it then finds another generation.
struct EventLoop::Timer::State : std::enable_shared_from_this<State> {
  explicit State(asio::io_context& io) : timer(io) {}

  void start(std::chrono::milliseconds delay, std::chrono::milliseconds repeat_after,
             std::function<void()> what) {
    OUTBOXD_CHECK(what != nullptr);
    cancel();
    interval = repeat_after;
    work = std::move(what);
    timer.expires_after(delay);
    wait();
  }

  void cancel() {
    ++generation;
    timer.cancel();
    work = nullptr;
  }

  void wait() {
    timer.async_wait([self = shared_from_this(), started = generation](const asio::error_code& e) {
      if (!e && started == self->generation) self->expire();
    });
  }

  void expire() {
    // `work` may start or cancel this timer, so it does not run from where that would destroy it.
    if (interval.count() == 0) {
      const auto once = std::exchange(work, nullptr);
      once();
      return;
    }
    // Periods that were missed are skipped rather than made up for.
    const auto next = timer.expiry() + interval;
    const auto now = asio::steady_timer::clock_type::now();
    timer.expires_at(next > now ? next : now + interval);
    wait();
    const auto again = work;
    again();
  }

  asio::steady_timer timer;
  std::chrono::milliseconds interval{0};  // 0: once
  std::function<void()> work;
  std::uint64_t generation = 0;
};

EventLoop::Timer::Timer(EventLoop& loop) : state_(std::make_shared<State>(loop.native().io)) {}

EventLoop::Timer::~Timer() {
  if (state_) state_->cancel();
}

EventLoop::Timer::Timer(Timer&&) noexcept = default;

EventLoop::Timer& EventLoop::Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    if (state_) state_->cancel();
    state_ = std::move(other.state_);
  }
  return *this;
}

void EventLoop::Timer::start_once(std::chrono::milliseconds delay, std::function<void()> work) {
  state_->start(delay, std::chrono::milliseconds{0}, std::move(work));
}

void EventLoop::Timer::start_every(std::chrono::milliseconds interval, std::function<void()> work) {
  OUTBOXD_CHECK(interval.count() > 0);
  state_->start(interval, interval, std::move(work));
}

void EventLoop::Timer::cancel() {
  state_->cancel();
}

}  // namespace outboxd::transport
