// Threads for work that blocks: payment gateways, collection, verification.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "domain/mutex.h"

namespace outboxd::daemon {

// Runs jobs in the order in which they came, `threads` at a time. The destructor drops those that
// have not begun, and waits for those at hand.
class WorkerPool {
 public:
  WorkerPool(std::size_t threads, std::size_t max_waiting_jobs);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Any thread. False when `max_waiting_jobs` wait already: nothing was taken.
  bool post(std::function<void()> job);

 private:
  void run();

  // True when a thread sleeps for which there is a job, and none is being woken yet: the caller is
  // to notify one. The thread that wakes looks whether the next is needed, so that a burst of short
  // jobs does not pay for a wake-up each.
  bool shall_wake() OUTBOXD_REQUIRES(mutex_);

  const std::size_t max_waiting_jobs_;

  domain::Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> jobs_ OUTBOXD_GUARDED_BY(mutex_);
  std::size_t sleeping_ OUTBOXD_GUARDED_BY(mutex_) = 0;  // threads
  bool waking_ OUTBOXD_GUARDED_BY(mutex_) = false;       // one of them was notified
  bool stopping_ OUTBOXD_GUARDED_BY(mutex_) = false;

  std::vector<std::thread> threads_;  // last: they use everything above
};

}  // namespace outboxd::daemon
