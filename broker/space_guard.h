// Keeps the broker away from a full disk, where RocksDB aborts and nothing can be repaired.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace outboxd::broker {

// How much of the disk is left. Past `soft` no events are taken, while consumers go on; past `hard`
// nothing is written at all.
enum class SpaceLevel : std::uint8_t { kOk, kSoft, kHard };

std::string_view name_of(SpaceLevel level);

struct SpaceLimits {
  std::uint64_t soft_free_bytes = 0;
  std::uint64_t hard_free_bytes = 0;
};

// refresh() on one thread; the rest on any.
class SpaceGuard {
 public:
  // `free_bytes` asks the file system; it is called by the constructor, too.
  SpaceGuard(SpaceLimits limits, std::function<std::uint64_t()> free_bytes);

  // Measures again; to be called every second or so. True when the level changed.
  bool refresh();

  [[nodiscard]] SpaceLevel level() const { return level_; }
  [[nodiscard]] std::uint64_t free_bytes() const { return last_free_bytes_; }

 private:
  const SpaceLimits limits_;
  const std::function<std::uint64_t()> free_bytes_;
  std::atomic<std::uint64_t> last_free_bytes_ = 0;
  std::atomic<SpaceLevel> level_ = SpaceLevel::kOk;
};

// Free bytes for unprivileged users on the file system of `path`, which need not exist yet. 0 when
// it cannot be asked, so that the doubt falls on the safe side.
std::uint64_t free_bytes_at(const std::string& path);

}  // namespace outboxd::broker
