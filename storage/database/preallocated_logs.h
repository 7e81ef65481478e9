// Gives log files their size ahead of what is written to them.
#pragma once

#include <memory>

#include <rocksdb/file_system.h>

namespace outboxd::storage {

// RocksDB reserves space for its log without changing the file's size, so every sync has to journal
// a new size: some 50 us of each commit. The file system returned hands log files (`*.log`) out
// that grow a megabyte at a time and are cut to what was written when they are closed. After a
// power cut they end in zeros, which recovery takes for what they are. Everything else passes
// through to `target`, which must be the system's own file system: the space is allocated behind
// its back, by path.
std::shared_ptr<rocksdb::FileSystem> with_preallocated_logs(
    std::shared_ptr<rocksdb::FileSystem> target);

}  // namespace outboxd::storage
