// Knows which log files hold writes that are on the disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <rocksdb/env.h>

#include "storage/database/store_file.h"

namespace outboxd::storage {

// What was seen of the logs since the database was opened. Any thread.
class LogWatch {
 public:
  // How many logs have got their first synced write so far.
  [[nodiscard]] std::uint64_t logs_begun() const {
    return logs_begun_.load(std::memory_order_acquire);
  }

  // The logs that hold synced writes and were not removed, in their order.
  std::vector<ListedLog> holding();

  void note_synced(const ListedLog& log);
  void note_removed(std::uint64_t log);

 private:
  std::atomic<std::uint64_t> logs_begun_{0};
  std::mutex mutex_;
  std::map<std::uint64_t, ListedLog> logs_;
};

// `env` with a file system that tells `watch` of the logs that RocksDB syncs and removes. `env`
// must outlive it.
std::unique_ptr<rocksdb::Env> watch_logs(rocksdb::Env* env, std::shared_ptr<LogWatch> watch);

}  // namespace outboxd::storage
