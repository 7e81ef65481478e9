// Makes the MANIFEST of a closed database whole again after a power cut.
#pragma once

#include <string>

#include "domain/result.h"
#include "storage/database/database.h"

namespace outboxd::storage {

// Cuts the torn tail off the MANIFEST that CURRENT names, and says whether there was one. RocksDB
// by itself reads a MANIFEST that ends early, and refuses one that ends in garbage; both are what a
// power cut leaves of edits that were not synced. Nothing depended on those: RocksDB removes logs
// and tables only after the edit that replaces them is synced.
//
// Damage that complete edits follow is left alone, and so is damage in an edit that was synced and
// acted upon, since the log that the edits before it need is gone: RocksDB then refuses to open.
//
// The caller holds the lock of the directory. Errors: storage_full or internal when reading or
// writing fails.
domain::Result<bool> recover_manifest(rocksdb::Env& env, const std::string& directory);

}  // namespace outboxd::storage
