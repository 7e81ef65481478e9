// Where the durable outbox stands: written by the commit thread, read by everyone.
#pragma once

#include <atomic>
#include <cstdint>

#include "domain/store.h"

namespace outboxd::storage {

// Each number is published after the group that brought it is on the disk, never before: the filter
// that removes completed entries goes by `completed` (G5). They are independent of each other; a
// reader may see one of a group before another.
class DurableProgress {
 public:
  void publish(domain::Seq last_seq, domain::Seq completed, std::uint64_t dead,
               std::int64_t elapsed_ms = 0) {
    elapsed_ms_.store(elapsed_ms, std::memory_order_release);
    last_seq_.store(last_seq, std::memory_order_release);
    completed_.store(completed, std::memory_order_release);
    dead_.store(dead, std::memory_order_release);
    groups_.fetch_add(1, std::memory_order_release);
  }

  [[nodiscard]] domain::Seq last_seq() const { return last_seq_.load(std::memory_order_acquire); }
  [[nodiscard]] domain::Seq completed() const { return completed_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t dead() const { return dead_.load(std::memory_order_acquire); }

  // The elapsed time of the newest durable group; 0 before the store was read.
  [[nodiscard]] std::int64_t elapsed_ms() const {
    return elapsed_ms_.load(std::memory_order_acquire);
  }

  // How many groups became durable, for telling whether anything happens.
  [[nodiscard]] std::uint64_t groups() const { return groups_.load(std::memory_order_acquire); }

 private:
  std::atomic<domain::Seq> last_seq_{0};
  std::atomic<domain::Seq> completed_{0};
  std::atomic<std::uint64_t> dead_{0};
  std::atomic<std::int64_t> elapsed_ms_{0};
  std::atomic<std::uint64_t> groups_{0};
};

}  // namespace outboxd::storage
