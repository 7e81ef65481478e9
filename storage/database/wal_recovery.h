// Makes the write-ahead log of a closed database whole again, or says why that takes a decision.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "domain/result.h"
#include "storage/database/database.h"
#include "storage/database/store_file.h"

namespace outboxd::storage {

// What the logs have to agree with.
struct LogExpectations {
  // Of the MANIFEST: see Catalogue.
  std::uint64_t oldest_log = 0;
  std::uint64_t last_sequence = 0;

  // Of STORE: see StoreFile. Empty in a directory of an earlier release.
  std::string mark;  // as it stands in a batch
  std::uint64_t durable_sequence = 0;
  std::vector<ListedLog> logs;
};

// Checks the log files in `directory` and leaves them such that RocksDB's strict reading finds
// nothing wrong: a torn tail is cut off; with `repair`, damaged stretches are cut out after the
// files were copied to a directory `damaged-<time>` in `directory`. Every change is a new file
// renamed over the old one, so that a power cut on the way leaves one or the other.
//
// The logs are one sequence of numbered writes. What is missing from it was acknowledged, because a
// write is synced before the next one begins; and nothing up to what `expected` knows to be durable
// may be missing either. Only the end of the newest log can be lost without a trace.
//
// The caller holds the lock of the directory. Errors: internal when acknowledged data is damaged
// or missing and `repair` is false (files copied, nothing else changed); storage_full or internal
// when reading or writing fails.
domain::Result<RecoveryReport> recover_wal(rocksdb::Env& env, const std::string& directory,
                                           const LogExpectations& expected, bool repair);

// True if some log file in `directory` is not empty.
domain::Result<bool> has_logged_anything(rocksdb::Env& env, const std::string& directory);

}  // namespace outboxd::storage
