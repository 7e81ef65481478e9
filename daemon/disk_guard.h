// Keeps the daemon away from a full disk, where RocksDB aborts and nothing can be repaired.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "domain/result.h"

namespace outboxd::daemon {

// How much of the disk is left. Past `soft`, requests that write get storage_full while ACKs, reads
// and the collector go on; past `hard`, the daemon itself writes nothing either.
enum class DiskLevel : std::uint8_t { kOk, kSoft, kHard };

std::string_view name_of(DiskLevel level);

struct DiskLimits {
  std::uint64_t soft_free_bytes = 0;
  std::uint64_t hard_free_bytes = 0;
};

// Core thread only.
class DiskGuard {
 public:
  // `free_bytes` asks the file system.
  DiskGuard(DiskLimits limits, std::function<std::uint64_t()> free_bytes)
      : limits_(limits), free_bytes_(std::move(free_bytes)) {
    refresh();
  }

  // Measures again; call it every second or so. True when the level changed.
  bool refresh();

  [[nodiscard]] DiskLevel level() const { return level_; }
  [[nodiscard]] std::uint64_t last_free_bytes() const { return last_free_bytes_; }

  // storage_full unless requests may write.
  [[nodiscard]] domain::Status admit_write() const;

 private:
  const DiskLimits limits_;
  const std::function<std::uint64_t()> free_bytes_;
  std::uint64_t last_free_bytes_ = 0;
  DiskLevel level_ = DiskLevel::kOk;
};

// Free bytes for unprivileged users on the file system of `path`. 0 when it cannot be asked, so
// that the doubt falls on the safe side.
std::uint64_t free_bytes_at(const std::string& path);

}  // namespace outboxd::daemon
