// Makes the MANIFEST of a closed database whole again after a power cut, and finds it again when
// CURRENT does not name it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/result.h"
#include "storage/database/database.h"
#include "storage/database/store_file.h"

namespace outboxd::storage {

// What the MANIFEST says of the logs.
struct Catalogue {
  // Logs with smaller numbers are not needed any more; each may be there or not.
  std::uint64_t oldest_log = 0;

  // The greatest number of a write that is in a table; that write was in a log, and synced, before.
  std::uint64_t last_sequence = 0;

  bool torn_tail_dropped = false;
};

// Cuts the torn tail off the MANIFEST that CURRENT names. RocksDB by itself reads a MANIFEST that
// ends early, and refuses one that ends in garbage; both are what a power cut leaves of edits that
// were not synced. Nothing depended on those: RocksDB removes logs and tables only after the edit
// that replaces them is synced.
//
// Damage that complete edits follow is left alone, and so is damage in an edit that was synced and
// acted upon: in the ones that a MANIFEST begins with, and in one whose log is gone. RocksDB then
// refuses to open.
//
// A MANIFEST that is older or shorter than `known` has lost what was acted upon. To RocksDB it
// would be a smaller database, and it would remove the tables and logs that belong to the rest:
// nothing opens it then, no repair either.
//
// The caller holds the lock of the directory. Errors: internal in that case; storage_full or
// internal when reading or writing fails.
domain::Result<Catalogue> recover_manifest(rocksdb::Env& env, const std::string& directory,
                                           const KnownManifest& known);

// The number in the name of a MANIFEST; nothing for another file's name.
std::optional<std::uint64_t> manifest_number(std::string_view name);

// True if CURRENT names a file that is there.
domain::Result<bool> is_current_usable(rocksdb::Env& env, const std::string& directory);

// The newest MANIFEST in `directory` that is whole, or nothing. One that a stop left half made is
// not: it does not say of every family which logs it needs.
domain::Result<std::optional<std::string>> find_whole_manifest(rocksdb::Env& env,
                                                               const std::string& directory);

// Durably makes CURRENT name `manifest`.
domain::Status write_current(rocksdb::Env& env, const std::string& directory,
                             const std::string& manifest);

}  // namespace outboxd::storage
