// A directory that exists as long as the object, for one server's data, socket and log.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace outboxd::bench {

class TempDir {
 public:
  // Makes `parent`/outboxd-bench-XXXXXX. Names stay short: a Unix socket path has 107 bytes.
  explicit TempDir(const std::filesystem::path& parent);
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  const std::filesystem::path& path() const { return path_; }

  // A subdirectory, made if missing and open to every user, because a server may run as another
  // one than the benchmark.
  std::filesystem::path make(const std::string& name) const;

 private:
  std::filesystem::path path_;
};

// Bytes that the files below `directory` occupy on the disk (what `du` says, not file sizes:
// preallocated logs count).
std::uint64_t disk_bytes(const std::filesystem::path& directory);

// True if `directory` is in memory, where fdatasync costs nothing and every figure would be wrong.
bool is_memory_backed(const std::filesystem::path& directory);

}  // namespace outboxd::bench
