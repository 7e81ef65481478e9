// Makes the write-ahead log of a closed database whole again, or says why that takes a decision.
#pragma once

#include <string>

#include "domain/result.h"
#include "storage/database/database.h"

namespace outboxd::storage {

// Checks the log files in `directory` and leaves them such that RocksDB's strict reading finds
// nothing wrong: a torn tail is cut off; with `repair`, damaged stretches are cut out after the
// files were copied to a directory `damaged-<time>` in `directory`. Every change is a new file
// renamed over the old one, so that a power cut on the way leaves one or the other.
//
// The caller holds the lock of the directory. Errors: internal when acknowledged data is damaged
// and `repair` is false (files copied, nothing else changed); storage_full or internal when reading
// or writing fails.
domain::Result<RecoveryReport> recover_wal(rocksdb::Env& env, const std::string& directory,
                                           bool repair);

}  // namespace outboxd::storage
