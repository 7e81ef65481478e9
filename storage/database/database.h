// Opens RocksDB the way this project needs it: small in memory, strict on recovery, fail-stop on
// writes.
//
// This is the one header that shows RocksDB types. storage/*.cc and the broker's embedded engine
// (.cc files only) include it; nobody else does.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include "domain/result.h"

namespace outboxd::storage {

// One column family.
struct FamilyOptions {
  std::string name;

  // Decides during flush and compaction what may go, or null. It must not throw, and may use
  // durable progress only.
  std::shared_ptr<rocksdb::CompactionFilterFactory> filter = nullptr;

  // True for a queue: keys only grow and leave at the front. Its point lookups never miss, and its
  // files stay small so that whole files can be dropped.
  bool queue = false;

  // True when the first byte of a key says of what kind it is. Keys of one kind often come in their
  // order, and the memtable remembers for each where the last one went: a group that changes
  // several kinds does not search it from the top for every key.
  bool kinds = false;
};

// What the database may hold in memory. The defaults are the edge profile, some 32 MB of RSS.
struct MemoryProfile {
  std::size_t block_cache_bytes = 16 << 20;
  std::size_t memtable_bytes = 12 << 20;     // of all families together, charged to the block cache
  std::size_t write_buffer_bytes = 4 << 20;  // of one memtable; two per family
  std::size_t wal_bytes = 32 << 20;          // past it, the family that pins the oldest log flushes
};

struct DatabaseOptions {
  std::string path;  // created (one level) when it is not there

  // The families in a fixed order: `Database::family(i)` is families[i]. New ones may be appended
  // in later versions. RocksDB's own "default" family is added and holds the format record only.
  std::vector<FamilyOptions> families;

  // What the directory holds, and in which version. A directory of another name or a newer version
  // is refused.
  std::string format_name;
  std::uint32_t format_version = 1;

  // The rocksdb::Env of a test, or null for the system's. Must outlive the Database.
  rocksdb::Env* env = nullptr;

  // Permission to go on without acknowledged writes that are damaged or missing in the write-ahead
  // log, and to mend the files that name it. Without it, such damage refuses to open.
  bool repair = false;

  // Told, on RocksDB's threads, when background work comes upon tables that are damaged: the
  // Database goes on then. Without it, that is a failure like any.
  std::function<void(const domain::Error&)> on_damage = {};

  MemoryProfile memory;
};

// Acknowledged writes that are not in the write-ahead log any more, or cannot be read.
struct LogDamage {
  std::string file;          // such as "000012.log"
  std::uint64_t offset = 0;  // where it begins
  std::string what;          // a sentence's beginning: "000012.log is damaged at offset 20000"
  std::string batch_before;  // the last write before it, as rocksdb::WriteBatch data; may be empty
  std::string batch_after;   // the first write after it; empty when none is left
};

// What opening had to do about the write-ahead log and the files that name it.
struct RecoveryReport {
  // Something that is no whole write was cut off the end of the log, as a stop in the middle of a
  // write leaves it. Such a write was not acknowledged; whether it was that cannot be known.
  bool torn_tail_dropped = false;

  // The rest is for options.repair only.
  //
  // Acknowledged writes that are lost; every write that was readable is kept.
  std::vector<LogDamage> lost;
  std::string copy_directory;  // where damaged files are kept as they were; may be empty

  // Files that were damaged or gone and have been made anew without a loss, in words.
  std::vector<std::string> mended;
};

// Sizes for status and metrics.
struct DatabaseSizes {
  std::uint64_t disk_bytes = 0;    // tables and logs
  std::uint64_t log_bytes = 0;     // of these, write-ahead logs
  std::uint64_t memory_bytes = 0;  // memtables, cached blocks and table readers
};

class FailureLatch;
class LogWatch;
struct StoreFile;

// An open RocksDB directory.
//
// Recovery. Before RocksDB sees it, the log is checked with a scanner of our own. A write is one
// log record, synced before the next one begins, and its sequence number continues that of the one
// before, also across files; so an incomplete record that nothing follows is what a stop in the
// middle of a write leaves, and is cut off. Numbers that are missing, a log that is missing or
// empty although the file STORE says that it held acknowledged writes, and an end before what STORE
// or the MANIFEST know to be durable: that is lost acknowledged data. The damaged files are copied
// aside, and open() refuses. With options.repair it goes on with every record that is complete:
// stopping at the damage instead would lose more, and cannot be done once some families were
// flushed past it.
//
// One loss cannot be noticed here: writes at the end of the newest log after a stop without a clean
// close, when the disk loses them to the byte, or as a torn write would look.
//
// Failure. After a write or sync that failed, or an error of RocksDB's background work, the outcome
// is indeterminate: the Database is failed for good, RocksDB's own resumption is switched off, and
// the owner must close it or exit (G10).
//
// Thread contract: open() and the destructor from one thread; everything else from any thread.
// Iterators must be gone before the destructor.
class Database {
 public:
  // Errors: storage_full when the disk is full, damaged when RocksDB cannot read its files,
  // internal for everything else, with a message that names the file at fault and says what to do.
  // Nothing is changed on disk by a refusal, except for the copy of damaged logs.
  static domain::Result<std::unique_ptr<Database>> open(DatabaseOptions options);

  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] rocksdb::DB& db() const { return *db_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* family(std::size_t index) const;
  [[nodiscard]] const RecoveryReport& recovery() const { return recovery_; }

  // Empties `batch` and begins it with the mark of this store, by which recovery tells records from
  // bytes that only look like one. Make batches with
  // `rocksdb::WriteBatch(reserved_bytes, 0, kProtectionBytes, 0)`.
  void begin_batch(rocksdb::WriteBatch& batch) const;

  // Writes `batch` and returns when it is on the disk. One that was not begun with begin_batch() is
  // copied to put the mark in front. An error means that the outcome is unknown; every later call
  // returns an error too.
  domain::Status write_synced(rocksdb::WriteBatch& batch);

  // The error that made the Database fail, or ok. Cheap enough to ask before every read.
  [[nodiscard]] domain::Status health() const;

  // Flushes all families, so that older log files go. Blocks; slows commits a little.
  domain::Status flush();

  // Rewrites the files of family `index` that hold keys up to `last_key` (empty: all of them) down
  // to the last level, filters applied and deleted space freed. Blocks for as long as that takes;
  // commits go on meanwhile. Memtables that overlap are flushed.
  domain::Status compact(std::size_t index, std::string_view last_key = {});

  // No compaction begins by itself any more: one that came upon damage would be tried for ever.
  domain::Status stop_compacting();

  [[nodiscard]] DatabaseSizes sizes() const;

 private:
  explicit Database(DatabaseOptions options);

  domain::Status lock_directory();
  domain::Result<bool> find_database();
  domain::Status recover();
  domain::Status read_store();
  domain::Status open_families();
  domain::Status check_format();
  domain::Status write_store();
  domain::Status list_new_logs();

  // Constant after open().
  const DatabaseOptions options_;
  const std::unique_ptr<rocksdb::Env> own_env_;  // none when options_.env is there
  rocksdb::Env* const env_;
  const std::shared_ptr<LogWatch> log_watch_;
  const std::unique_ptr<rocksdb::Env> watched_env_;  // for RocksDB
  const std::shared_ptr<FailureLatch> failure_;
  bool has_store_file_ = false;
  std::string mark_;  // as it stands in a batch
  rocksdb::FileLock* lock_ = nullptr;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;  // [0] is "default"
  RecoveryReport recovery_;

  std::atomic<std::uint64_t> logs_listed_{0};  // LogWatch::logs_begun() when STORE was written
  std::mutex store_file_mutex_;
  std::unique_ptr<StoreFile> store_file_;  // guarded by it after open()
};

// Checksum bytes per key that travel with a batch from its making into the memtable.
inline constexpr std::size_t kProtectionBytes = 8;

// The domain's error for a RocksDB status that is not ok. `doing` completes "cannot …".
domain::Error to_error(std::string_view doing, const rocksdb::Status& status);

}  // namespace outboxd::storage
