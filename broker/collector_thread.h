// The thread that gives the disk space of what is not retained any more back.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "broker/engine.h"

namespace outboxd::broker {

// Calls Engine::collect now and then, on a thread of its own, for it waits for the disk. What fails
// is logged and tried again: a disk that is really broken shows itself to the commit thread.
class CollectorThread {
 public:
  // `engine` must outlive it.
  explicit CollectorThread(Engine& engine);
  ~CollectorThread();  // waits for the step that is under way
  CollectorThread(const CollectorThread&) = delete;
  CollectorThread& operator=(const CollectorThread&) = delete;

  // While paused nothing is collected: rewriting files takes room first.
  void pause(bool paused) { paused_ = paused; }

 private:
  void run();

  Engine& engine_;
  std::atomic<bool> paused_ = false;
  std::mutex mutex_;  // guards stopping_
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace outboxd::broker
