// Knows which log files hold writes that are on the disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include <rocksdb/env.h>

namespace outboxd::storage {

// What was seen of the logs since the database was opened. Any thread.
class LogWatch {
 public:
  // True if a log that holding() did not name yet has got its first synced write.
  [[nodiscard]] bool has_news() const { return has_news_.load(std::memory_order_acquire); }

  // The numbers of the logs that hold synced writes and were not removed, ascending.
  std::vector<std::uint64_t> holding();

  void note_synced(std::uint64_t log);
  void note_removed(std::uint64_t log);

 private:
  std::atomic<bool> has_news_{false};
  std::mutex mutex_;
  std::set<std::uint64_t> logs_;
};

// `env` with a file system that tells `watch` of the logs that RocksDB syncs and removes. `env`
// must outlive it.
std::unique_ptr<rocksdb::Env> watch_logs(rocksdb::Env* env, std::shared_ptr<LogWatch> watch);

}  // namespace outboxd::storage
