// Disk space kept back for the moment when there is none.
#pragma once

#include <cstdint>
#include <string>

#include "domain/result.h"

namespace outboxd::daemon {

// A file of allocated blocks in the data directory. A disk that others have filled must not keep
// the daemon from starting: RocksDB writes when it opens, and aborts on a full disk
// (rocksdb#12873). Giving the ballast up makes that room. Not thread-safe.
class Ballast {
 public:
  // A start writes a manifest, a log and the flush of at most two write buffers of 4 MiB.
  static constexpr std::int64_t kBytes = 16 << 20;

  explicit Ballast(std::string directory) : path_(std::move(directory) + "/ballast") {}

  // Allocates the file if it is not there. Error: storage_full or internal; nothing is left behind
  // then.
  domain::Status restore() const;

  // Gives the space back. No error when it is not there.
  domain::Status release() const;

 private:
  const std::string path_;
};

}  // namespace outboxd::daemon
