#include "daemon/worker_pool.h"

#include <utility>

namespace outboxd::daemon {

using domain::MutexLock;

WorkerPool::WorkerPool(std::size_t threads, std::size_t max_waiting_jobs)
    : max_waiting_jobs_(max_waiting_jobs) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

WorkerPool::~WorkerPool() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkerPool::post(std::function<void()> job) {
  bool wakes = false;
  {
    MutexLock lock(mutex_);
    if (jobs_.size() >= max_waiting_jobs_) return false;
    jobs_.push_back(std::move(job));
    wakes = shall_wake();
  }
  if (wakes) changed_.notify_one();
  return true;
}

bool WorkerPool::shall_wake() {
  if (jobs_.empty() || sleeping_ == 0 || waking_) return false;
  waking_ = true;
  return true;
}

void WorkerPool::run() {
  while (true) {
    std::function<void()> job;
    bool wakes = false;
    {
      MutexLock lock(mutex_);
      while (jobs_.empty() && !stopping_) {
        ++sleeping_;
        lock.wait(changed_);
        --sleeping_;
        waking_ = false;
      }
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
      wakes = shall_wake();
    }
    if (wakes) changed_.notify_one();
    job();
  }
}

}  // namespace outboxd::daemon
