// Gathers units of work into groups, one being built and at most one on its way to the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include <rocksdb/slice.h>

#include "domain/clock.h"
#include "storage/group.h"

namespace outboxd::storage {

// Thread contract: core thread only.
class GroupBuilder {
 public:
  // `elapsed` outlives it, and is what entries and groups are stamped with.
  // `on_damage` is told what get() cannot read, if it is there.
  GroupBuilder(Database& database, DurableProgress& progress, const domain::ElapsedTime& elapsed,
               const Position& position, std::function<void(const domain::Error&)> on_damage = {});

  // A unit of work: begin(), then any of the operations, then accept() or discard().
  void begin();
  void accept();
  void discard();

  // Operations. What they see is every earlier write, the unit of work's own included.

  // The value under `key`, or nothing. Valid until the next operation.
  domain::Result<std::optional<std::string_view>> get(Family family, std::string_view key);
  void put(Family family, std::string_view key, std::string_view value);
  void remove(Family family, std::string_view key);
  domain::Seq append(domain::OutboxEntry entry);
  void complete_through(domain::Seq seq);
  domain::Result<std::optional<domain::OutboxEntry>> find_pending(domain::Seq seq);
  domain::Status bury(domain::Seq seq, std::string_view reason, domain::TimestampMs now_ms);
  domain::Result<std::optional<domain::DeadEntry>> find_dead(domain::Seq seq);
  domain::Status remove_dead(domain::Seq seq);
  void touch();
  std::uint64_t revision();

  // See domain::UnitOfWork::depends_on.
  [[nodiscard]] std::uint64_t depends_on() const { return depends_on_; }

  // See domain::Store.
  [[nodiscard]] std::size_t pending_bytes() const;
  std::unique_ptr<domain::SealedGroup> seal();
  void retire(std::unique_ptr<domain::SealedGroup> group);

 private:
  [[nodiscard]] bool has_writes() const;
  std::uint64_t chain_at(domain::Seq seq);
  std::unique_ptr<Group> fresh_group();

  Database& database_;
  DurableProgress& progress_;
  const domain::ElapsedTime& elapsed_;
  const std::function<void(const domain::Error&)> on_damage_;
  std::unique_ptr<Group> building_;
  const Group* in_flight_ = nullptr;  // owned by whoever seal() gave it to
  std::unique_ptr<Group> spare_;      // retired, for its memory
  std::uint64_t next_number_ = 1;
  bool touched_ = false;  // the group being built is written even when it has nothing in it

  Position position_;         // after the newest operation
  Position sealed_position_;  // after the newest sealed group

  // Of the unit of work that is open.
  bool open_ = false;
  Position position_before_;
  bool touched_before_ = false;
  std::uint64_t revision_ = 0;  // 0: none was taken
  std::uint64_t depends_on_ = 0;

  rocksdb::PinnableSlice durable_value_;  // what get() last found in RocksDB
  std::string encoded_;                   // scratch
};

}  // namespace outboxd::storage
