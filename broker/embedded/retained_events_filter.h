// What RocksDB may leave out of the log when it flushes or compacts.
#pragma once

#include <memory>

#include <rocksdb/compaction_filter.h>

#include "broker/embedded/retention.h"

namespace outboxd::broker {

// Leaves out log records below the retained offsets.
std::shared_ptr<rocksdb::CompactionFilterFactory> retained_events_filter(
    std::shared_ptr<const RetainedOffsets> retained);

}  // namespace outboxd::broker
