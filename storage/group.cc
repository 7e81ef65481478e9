#include "storage/group.h"

#include <string>

namespace outboxd::storage {
namespace {

// A first guess; the memory of a group is kept from one to the next.
constexpr std::size_t kReservedBytes = std::size_t{64} << 10;

std::uint32_t varint_size(std::size_t value) {
  std::uint32_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

void must_succeed(const rocksdb::Status& status) {
  OUTBOXD_CHECK(status.ok());
}

}  // namespace

Group::Group(Database& database, DurableProgress& progress)
    : database_(database),
      progress_(progress),
      batch_(kReservedBytes, /*max_bytes=*/0, kProtectionBytes, /*default_cf_ts_sz=*/0) {
  database_.begin_batch(batch_);
}

void Group::reset(std::uint64_t number) {
  number_ = number;
  database_.begin_batch(batch_);
  overlay_.shrink_to(0);
  entries_.clear();
}

// RocksDB appends key and value, each after its length; so both are found from the end.
void Group::put(Family family, std::string_view key, std::string_view value) {
  must_succeed(batch_.Put(database_.family(static_cast<std::size_t>(family)), key, value));
  WriteOverlay::Operation operation{.family = family};
  operation.value_size = static_cast<std::uint32_t>(value.size());
  operation.value_offset = static_cast<std::uint32_t>(batch_.GetDataSize()) - operation.value_size;
  operation.key_size = static_cast<std::uint32_t>(key.size());
  operation.key_offset = operation.value_offset - varint_size(value.size()) - operation.key_size;
  overlay_.add(operation, batch_.Data());
}

void Group::remove(Family family, std::string_view key) {
  must_succeed(batch_.Delete(database_.family(static_cast<std::size_t>(family)), key));
  WriteOverlay::Operation operation{.family = family, .removed = true};
  operation.key_size = static_cast<std::uint32_t>(key.size());
  operation.key_offset = static_cast<std::uint32_t>(batch_.GetDataSize()) - operation.key_size;
  overlay_.add(operation, batch_.Data());
}

std::optional<Group::Write> Group::find(Family family, std::string_view key) const {
  const std::string_view batch = batch_.Data();
  const WriteOverlay::Operation* found = overlay_.find(family, key, batch);
  if (found == nullptr) return std::nullopt;
  return Write{found->removed, batch.substr(found->value_offset, found->value_size)};
}

void Group::mark() {
  batch_.SetSavePoint();
  marked_operations_ = overlay_.size();
  marked_entries_ = entries_.size();
}

void Group::keep() {
  must_succeed(batch_.PopSavePoint());
}

void Group::undo() {
  must_succeed(batch_.RollbackToSavePoint());
  overlay_.shrink_to(marked_operations_);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(marked_entries_), entries_.end());
}

void Group::seal(const Position& before, const Position& after) {
  after_ = after;
  std::string value;
  if (after.head != before.head) {
    encode(after.head, value);
    put(Family::kMeta, kHeadKey, value);
  }
  if (after.completed != before.completed) {
    encode(CompletedRecord{after.completed, after.completed_chain}, value);
    put(Family::kMeta, kCompletedKey, value);
  }
}

domain::Status Group::write() {
  OUTBOXD_TRY(database_.write_synced(batch_));
  progress_.publish(after_.head.last_seq, after_.completed, after_.head.dead,
                    after_.head.elapsed_ms);
  return domain::ok_status();
}

}  // namespace outboxd::storage
