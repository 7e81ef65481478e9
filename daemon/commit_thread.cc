#include "daemon/commit_thread.h"

#include <chrono>
#include <utility>

namespace outboxd::daemon {

using domain::MutexLock;

CommitThread::CommitThread(std::function<void()> on_written)
    : on_written_(std::move(on_written)), thread_([this] { run(); }) {}

CommitThread::~CommitThread() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void CommitThread::submit(std::unique_ptr<domain::SealedGroup> group) {
  {
    MutexLock lock(mutex_);
    OUTBOXD_CHECK(waiting_ == nullptr && written_.group == nullptr);
    waiting_ = std::move(group);
  }
  changed_.notify_one();
}

Written CommitThread::take() {
  MutexLock lock(mutex_);
  OUTBOXD_CHECK(written_.group != nullptr);
  has_written_.store(false, std::memory_order_relaxed);
  return std::exchange(written_, {});
}

void CommitThread::run() {
  while (true) {
    std::unique_ptr<domain::SealedGroup> group;
    {
      MutexLock lock(mutex_);
      while (waiting_ == nullptr && !stopping_) lock.wait(changed_);
      if (waiting_ == nullptr) return;
      group = std::move(waiting_);
    }
    const auto start = std::chrono::steady_clock::now();
    domain::Status status = group->write();
    const auto took = std::chrono::steady_clock::now() - start;
    {
      MutexLock lock(mutex_);
      written_ = Written{std::move(group), std::move(status),
                         std::chrono::duration_cast<std::chrono::microseconds>(took).count()};
      has_written_.store(true, std::memory_order_release);
    }
    on_written_();
  }
}

}  // namespace outboxd::daemon
