// Gives the disk space of completed outbox entries back.
#pragma once

#include <cstdint>

#include "domain/clock.h"
#include "domain/result.h"
#include "storage/database/database.h"
#include "storage/durable_progress.h"

namespace outboxd::storage {

// Three ways, from cheap to thorough: the filter leaves completed entries out whenever a file is
// written (removal_filters.h); step() drops whole files of them; and, once the store is idle and
// there is something to gain, step() flushes all memtables, so that the logs go, and rewrites the
// files that hold completed entries.
//
// Thread contract: one background thread, neither core nor commit thread, since all of it waits for
// the disk. Commits go on meanwhile.
class Collector {
 public:
  Collector(Database& database, const DurableProgress& progress, const domain::Clock& clock);

  // One step. Call it every second or so; most calls do nothing. An error is one of the disk, and
  // leaves the entries where they are.
  domain::Status step();

  // Everything at once, idle or not; every family is compacted.
  domain::Status collect_all();

 private:
  domain::Status drop_whole_files();
  [[nodiscard]] bool is_compacting_through(const rocksdb::Slice& end) const;
  domain::Status rewrite_completed();
  [[nodiscard]] std::uint64_t reclaimable_bytes() const;

  Database& database_;
  const DurableProgress& progress_;
  const domain::Clock& clock_;

  std::uint64_t groups_seen_;           // durable groups at the last step
  std::int64_t quiet_since_ms_;         // monotonic
  std::uint64_t groups_collected_ = 0;  // durable groups at the last thorough collection
  domain::Seq dropped_through_ = 0;
  domain::Seq rewritten_through_ = 0;
};

}  // namespace outboxd::storage
