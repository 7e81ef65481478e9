#include "storage/database/tuning.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

namespace outboxd::storage {

rocksdb::DBOptions tuned_db_options(const DatabaseOptions& options, rocksdb::Env* env,
                                    const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::DBOptions db;
  db.env = env;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.paranoid_checks = true;
  // The log was checked and made whole before (wal_recovery.h), so this mode finds nothing to
  // tolerate; the stricter one would take a tail of zeros for damage.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.avoid_flush_during_recovery = false;
  db.max_total_wal_size = options.memory.wal_bytes;
  db.write_buffer_manager =
      std::make_shared<rocksdb::WriteBufferManager>(options.memory.memtable_bytes, cache);
  db.max_background_jobs = 2;
  // One thread writes. What coordinates several would only cost.
  db.allow_concurrent_memtable_write = false;
  db.enable_write_thread_adaptive_yield = false;
  // Bounds descriptors and table readers however long the backlog is, and with them the time to
  // open it.
  db.max_open_files = 256;
  db.skip_stats_update_on_db_open = true;
  db.bytes_per_sync = 1 << 20;
  db.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  db.keep_log_file_num = 3;
  db.max_log_file_size = 1 << 20;
  db.max_manifest_file_size = 1 << 20;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  return db;
}

rocksdb::ColumnFamilyOptions tuned_family_options(const FamilyOptions& family,
                                                  const MemoryProfile& memory,
                                                  const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;

  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = memory.write_buffer_bytes;
  options.max_write_buffer_number = 2;
  options.target_file_size_base = 4 << 20;
  options.max_bytes_for_level_base = 16 << 20;
  options.compression = rocksdb::kLZ4Compression;
  options.compaction_filter_factory = family.filter;
  if (family.filter) options.periodic_compaction_seconds = std::uint64_t{12} * 3600;
  if (!family.queue) {
    // Most lookups are for ids that do not exist yet: filters answer them without touching a block.
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    options.memtable_whole_key_filtering = true;
    options.memtable_prefix_bloom_size_ratio = 0.02;
  }
  if (family.kinds) {
    options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace outboxd::storage
