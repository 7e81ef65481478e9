#include "storage/collector.h"

#include <algorithm>

#include <rocksdb/convenience.h>
#include <rocksdb/metadata.h>

#include "storage/families.h"

namespace outboxd::storage {

using domain::Seq;
using domain::Status;

namespace {

// Long enough not to wake flash between two sales, short enough that an idle box is tidy in a
// minute.
constexpr std::int64_t kQuietMs = 10'000;

// Less than this is not worth wearing the disk for.
constexpr std::uint64_t kWorthwhileBytes = std::uint64_t{8} << 20;

// Dropping files takes RocksDB's mutex and a write to its manifest.
constexpr Seq kEntriesBetweenDrops = 4096;

constexpr auto kOutbox = static_cast<std::size_t>(Family::kOutbox);

}  // namespace

Collector::Collector(Database& database, const DurableProgress& progress,
                     const domain::Clock& clock)
    : database_(database),
      progress_(progress),
      clock_(clock),
      groups_seen_(progress.groups()),
      quiet_since_ms_(clock.monotonic_ms()) {}

Status Collector::step() {
  const std::uint64_t groups = progress_.groups();
  if (groups != groups_seen_) {
    groups_seen_ = groups;
    quiet_since_ms_ = clock_.monotonic_ms();
  }
  if (progress_.completed() >= dropped_through_ + kEntriesBetweenDrops) {
    OUTBOXD_TRY(drop_whole_files());
  }
  const bool idle = clock_.monotonic_ms() - quiet_since_ms_ >= kQuietMs;
  if (!idle || groups == groups_collected_ || reclaimable_bytes() < kWorthwhileBytes) {
    return domain::ok_status();
  }
  OUTBOXD_TRY(database_.flush());
  OUTBOXD_TRY(drop_whole_files());
  OUTBOXD_TRY(rewrite_completed());
  groups_collected_ = groups;
  return domain::ok_status();
}

Status Collector::collect_all() {
  OUTBOXD_TRY(database_.flush());
  OUTBOXD_TRY(drop_whole_files());
  for (std::size_t family = 0; family < kFamilies; ++family) {
    OUTBOXD_TRY(database_.compact(family, {}));
  }
  rewritten_through_ = dropped_through_;
  return domain::ok_status();
}

// Only what lies below the first level and wholly up to the watermark goes; the filter takes the
// rest when the files are next written.
Status Collector::drop_whole_files() {
  const Seq completed = progress_.completed();
  const SeqKey last(completed);
  const rocksdb::Slice end(last.view());
  const auto status = rocksdb::DeleteFilesInRange(&database_.db(), database_.family(kOutbox),
                                                  nullptr, &end, /*include_end=*/true);
  if (!status.ok()) return to_error("remove completed outbox entries", status);
  // RocksDB passes over files that a compaction is reading. They are tried again at the next step.
  if (!is_compacting_through(end)) dropped_through_ = completed;
  return domain::ok_status();
}

// True if a compaction reads a file that lies wholly up to `end`.
bool Collector::is_compacting_through(const rocksdb::Slice& end) const {
  rocksdb::ColumnFamilyMetaData family;
  database_.db().GetColumnFamilyMetaData(database_.family(kOutbox), &family);
  return std::any_of(family.levels.begin(), family.levels.end(), [&](const auto& level) {
    return std::any_of(level.files.begin(), level.files.end(), [&](const auto& file) {
      return file.being_compacted && rocksdb::Slice(file.largestkey).compare(end) <= 0;
    });
  });
}

Status Collector::rewrite_completed() {
  const Seq completed = progress_.completed();
  if (completed == rewritten_through_) return domain::ok_status();
  OUTBOXD_TRY(database_.compact(kOutbox, SeqKey(completed).view()));
  rewritten_through_ = completed;
  return domain::ok_status();
}

std::uint64_t Collector::reclaimable_bytes() const {
  std::uint64_t bytes = database_.sizes().log_bytes;
  std::uint64_t tables = 0;
  if (progress_.completed() != rewritten_through_ &&
      database_.db().GetIntProperty(database_.family(kOutbox),
                                    rocksdb::DB::Properties::kTotalSstFilesSize, &tables)) {
    bytes += tables;
  }
  return bytes;
}

}  // namespace outboxd::storage
