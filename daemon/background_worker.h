// One thread for work that blocks: collection, verification, compaction.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>

#include "domain/mutex.h"

namespace outboxd::daemon {

// Runs jobs one after the other. The destructor drops those that have not begun, and waits for the
// one at hand.
class BackgroundWorker {
 public:
  BackgroundWorker();
  ~BackgroundWorker();
  BackgroundWorker(const BackgroundWorker&) = delete;
  BackgroundWorker& operator=(const BackgroundWorker&) = delete;

  // Any thread. False when kMaxJobs wait already: nothing was taken.
  bool post(std::function<void()> job);

  static constexpr std::size_t kMaxJobs = 16;

 private:
  void run();

  domain::Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> jobs_ OUTBOXD_GUARDED_BY(mutex_);
  bool stopping_ OUTBOXD_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // last: it uses everything above
};

}  // namespace outboxd::daemon
