// Wakes a thread that waits in poll().
#pragma once

#include <atomic>

namespace outboxd::transport {

// One eventfd. Signals that nobody has seen yet are one. Stops the process when the kernel has no
// file descriptor left at the start: there is no running without it.
class WakeEvent {
 public:
  WakeEvent();
  ~WakeEvent();
  WakeEvent(const WakeEvent&) = delete;
  WakeEvent& operator=(const WakeEvent&) = delete;

  // Makes fd() readable. Any thread; one system call at most per clear().
  void signal();

  // The waiting thread has woken. To be called before it looks at what the signal was about.
  void clear();

  [[nodiscard]] int fd() const { return fd_; }

 private:
  const int fd_;
  std::atomic<bool> signalled_{false};
};

}  // namespace outboxd::transport
