// The thread that waits for the disk.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "domain/mutex.h"
#include "domain/store.h"

namespace outboxd::daemon {

// What came of one group.
struct Written {
  std::unique_ptr<domain::SealedGroup> group;
  domain::Status status = domain::ok_status();
  std::int64_t took_us = 0;  // of the write, sync included
};

// Writes one sealed group at a time on a thread of its own. `on_written` is called on that thread
// after each; take() then hands the outcome over, on whichever thread asks. Submit the next group
// only after that.
class CommitThread {
 public:
  explicit CommitThread(std::function<void()> on_written);
  ~CommitThread();  // finishes the group at hand, then joins
  CommitThread(const CommitThread&) = delete;
  CommitThread& operator=(const CommitThread&) = delete;

  void submit(std::unique_ptr<domain::SealedGroup> group);

  // True when take() has something to give. One thread takes, on which this is exact and costs next
  // to nothing.
  [[nodiscard]] bool has_written() const { return has_written_.load(std::memory_order_acquire); }
  Written take();

 private:
  void run();

  const std::function<void()> on_written_;

  domain::Mutex mutex_;
  std::condition_variable_any changed_;
  std::unique_ptr<domain::SealedGroup> waiting_ OUTBOXD_GUARDED_BY(mutex_);
  Written written_ OUTBOXD_GUARDED_BY(mutex_);
  std::atomic<bool> has_written_ = false;
  bool stopping_ OUTBOXD_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // last: it uses everything above
};

}  // namespace outboxd::daemon
