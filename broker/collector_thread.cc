#include "broker/collector_thread.h"

#include <chrono>

#include "systemd/log.h"

namespace outboxd::broker {
namespace {

constexpr std::chrono::seconds kInterval{10};

}  // namespace

CollectorThread::CollectorThread(Engine& engine) : engine_(engine), thread_([this] { run(); }) {}

CollectorThread::~CollectorThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void CollectorThread::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kInterval, [this] { return stopping_; })) {
    if (paused_) continue;
    lock.unlock();
    if (const domain::Status status = engine_.collect(); !status) {
      systemd::log_warning("cannot free disk space: " + status.error().message);
    }
    lock.lock();
  }
}

}  // namespace outboxd::broker
