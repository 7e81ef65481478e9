// STORE, a small file of our own beside RocksDB's: what must be known of the logs when the logs
// themselves cannot be trusted.
//
//   "outboxd store 1\n"
//   "mark " 32 hexadecimal digits "\n"
//   "durable " sequence number "\n"
//   "logs" (" " number "@" sequence number of its first write)* "\n"
//   "manifest " number " " bytes "\n"
//   "crc32c " 8 hexadecimal digits "\n"        of everything before this line
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/result.h"
#include "storage/database/database.h"

namespace outboxd::storage {

inline constexpr const char* kStoreFileName = "STORE";

// A log that was seen to hold acknowledged writes.
struct ListedLog {
  std::uint64_t number = 0;
  std::uint64_t first_sequence = 0;  // of the first write in it

  friend bool operator==(const ListedLog&, const ListedLog&) = default;
};

// The MANIFEST that was in use, and how long it was at least: all of that was synced.
struct KnownManifest {
  std::uint64_t number = 0;  // 0: not known
  std::uint64_t bytes = 0;

  friend bool operator==(const KnownManifest&, const KnownManifest&) = default;
};

struct StoreFile {
  // 16 random bytes that every batch begins with. A record that has them was written by this store
  // and not by a client of it, who never gets to see them.
  std::string mark;

  // The sequence number of some write that was acknowledged, so nothing up to it may be missing.
  std::uint64_t durable_sequence = 0;

  // In their order. Some may have been removed since: the MANIFEST tells which ones are needed.
  std::vector<ListedLog> logs;

  KnownManifest manifest;
};

// The mark as it stands in a batch: RocksDB's tag of data for the log only, the length, the bytes.
std::string mark_in_batch(const StoreFile& file);

// One with a mark of its own.
domain::Result<StoreFile> new_store_file();

struct StoreFileOnDisk {
  // False in a directory that is new, or was written by an earlier release.
  bool exists = false;
  std::optional<StoreFile> content;  // nothing when it is damaged
};

// Error: it is there and cannot be read.
domain::Result<StoreFileOnDisk> read_store_file(rocksdb::Env& env, const std::string& directory);

// Nothing if `text` is no such file.
std::optional<StoreFile> parse_store_file(std::string_view text);
std::string text_of(const StoreFile& file);

// Durably replaces it.
domain::Status write_store_file(rocksdb::Env& env, const std::string& directory,
                                const StoreFile& file);

}  // namespace outboxd::storage
