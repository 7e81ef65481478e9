// An engine whose appends wait until the test lets them go on, as a slow disk does.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "tests/contract/engine/memory_engine.h"

namespace outboxd::broker {

class GatedEngine final : public MemoryEngine {
 public:
  // Waits until an append is under way.
  void wait_until_writing() {
    std::unique_lock lock(gate_);
    changed_.wait(lock, [this] { return writing_; });
  }
  void let_one_pass() { let_pass(1); }
  void let_all_pass() { let_pass(1'000'000); }

  [[nodiscard]] std::size_t appends() const {
    const std::lock_guard lock(gate_);
    return appends_;
  }

  domain::Status append(const AppendBatch& batch) override {
    {
      std::unique_lock lock(gate_);
      ++appends_;
      writing_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return permits_ > 0; });
      --permits_;
      writing_ = false;
    }
    return MemoryEngine::append(batch);
  }

 private:
  void let_pass(int permits) {
    const std::lock_guard lock(gate_);
    permits_ += permits;
    changed_.notify_all();
  }

  mutable std::mutex gate_;
  std::condition_variable changed_;
  bool writing_ = false;
  int permits_ = 0;
  std::size_t appends_ = 0;
};

}  // namespace outboxd::broker
