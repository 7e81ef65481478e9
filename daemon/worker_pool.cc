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
  {
    MutexLock lock(mutex_);
    if (jobs_.size() >= max_waiting_jobs_) return false;
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::run() {
  while (true) {
    std::function<void()> job;
    {
      MutexLock lock(mutex_);
      while (jobs_.empty() && !stopping_) lock.wait(changed_);
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace outboxd::daemon
