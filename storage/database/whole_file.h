// Files that are read and replaced as a whole, with their outcome as a Result.
#pragma once

#include <string>

#include "domain/result.h"
#include "storage/database/database.h"

namespace outboxd::storage {

domain::Result<std::string> read_whole_file(rocksdb::Env& env, const std::string& path);

// Writes and syncs `content` under a suffix that RocksDB clears away when it is left over, and
// renames it to `path`: a power cut leaves the old file or the new one. Durable after
// sync_directory.
domain::Status replace_whole_file(rocksdb::Env& env, const std::string& path,
                                  const std::string& content);

domain::Status sync_directory(rocksdb::Env& env, const std::string& path);

}  // namespace outboxd::storage
