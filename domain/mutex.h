// A mutex that clang's thread-safety analysis understands (-Wthread-safety), so that forgetting to
// lock is an error.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define OUTBOXD_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define OUTBOXD_THREAD_ANNOTATION(x)
#endif

#define OUTBOXD_GUARDED_BY(mutex) OUTBOXD_THREAD_ANNOTATION(guarded_by(mutex))
#define OUTBOXD_REQUIRES(mutex) OUTBOXD_THREAD_ANNOTATION(requires_capability(mutex))

namespace outboxd::domain {

class OUTBOXD_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  void lock() OUTBOXD_THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void unlock() OUTBOXD_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

// Holds a Mutex for a scope; can wait on a condition meanwhile.
class OUTBOXD_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) OUTBOXD_THREAD_ANNOTATION(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() OUTBOXD_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  // Waits for a notification. Spurious ones happen: call it in a loop over the condition.
  void wait(std::condition_variable_any& condition) { condition.wait(mutex_); }

 private:
  Mutex& mutex_;
};

}  // namespace outboxd::domain
