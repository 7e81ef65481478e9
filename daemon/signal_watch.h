// SIGTERM and SIGINT as a call instead of an interruption.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace outboxd::daemon {

// Blocks the two signals in the calling thread, and in every thread that it starts afterwards:
// construct it first. `on_stop` is called on a thread of its own for each of them that arrives.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // Begins to watch; signals that came before are not lost.
  void start(std::function<void()> on_stop);

 private:
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace outboxd::daemon
