// The loop that one thread runs: sockets, timers and posted work, turn by turn.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace outboxd::transport {

// A turn handles everything that is ready (bounded), then calls the turn-end hooks once, then
// waits. Work that is cheaper in batches (group commit, writing replies) belongs into a hook.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs turns on the calling thread until stop(). Everything posted before stop() has run when it
  // returns.
  void run();

  // Any thread; also from a handler.
  void stop();

  // Runs `work` on the loop's thread in a later turn. Any thread.
  void post(std::function<void()> work);

  // `hook` is called at the end of every turn, in the order of registration. Loop thread, or before
  // run().
  void at_turn_end(std::function<void()> hook);

  // A repeating or single timer; it is cancelled when it is destroyed. Loop thread only.
  class Timer {
   public:
    explicit Timer(EventLoop& loop);
    ~Timer();
    Timer(Timer&&) noexcept;
    Timer& operator=(Timer&&) noexcept;
    void start_once(std::chrono::milliseconds delay, std::function<void()> work);
    void start_every(std::chrono::milliseconds interval, std::function<void()> work);
    void cancel();

   private:
    struct State;
    std::shared_ptr<State> state_;
  };

  struct Native;  // the Asio context; for transport/ipc only
  Native& native() { return *native_; }

 private:
  std::unique_ptr<Native> native_;
};

}  // namespace outboxd::transport
