// What RocksDB may leave out when it flushes or compacts.
#pragma once

#include <cstdint>
#include <memory>

#include <rocksdb/compaction_filter.h>

#include "domain/clock.h"
#include "storage/durable_progress.h"

namespace outboxd::storage {

// Leaves out outbox entries up to the durable watermark (G5). Both outlive the Database.
std::shared_ptr<rocksdb::CompactionFilterFactory> completed_entries_filter(
    std::shared_ptr<const DurableProgress> progress);

// Leaves out what stands for removed dead letters up to the durable watermark.
std::shared_ptr<rocksdb::CompactionFilterFactory> removed_letters_filter(
    std::shared_ptr<const DurableProgress> progress);

// Leaves out request records that are older than `ttl_ms` by the wall clock. A clock that went back
// only keeps them for longer. `clock` outlives the Database.
std::shared_ptr<rocksdb::CompactionFilterFactory> expired_requests_filter(
    const domain::Clock& clock, std::int64_t ttl_ms);

// Leaves out processed marks that are older than `ttl_ms` of elapsed time.
std::shared_ptr<rocksdb::CompactionFilterFactory> expired_marks_filter(
    std::shared_ptr<const DurableProgress> progress, std::int64_t ttl_ms);

}  // namespace outboxd::storage
