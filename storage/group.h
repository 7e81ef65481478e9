// One group of units of work: a WriteBatch, and the reads of what it holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "domain/store.h"
#include "storage/database/database.h"
#include "storage/durable_progress.h"
#include "storage/families.h"
#include "storage/records.h"
#include "storage/write_overlay.h"

namespace outboxd::storage {

// Where the store stands after some unit of work.
struct Position {
  HeadRecord head;
  domain::Seq completed = 0;

  // Of these two positions (storage/chain.h).
  std::uint64_t chain = 0;
  std::uint64_t completed_chain = 0;

  friend bool operator==(const Position&, const Position&) = default;
};

// Built by GroupBuilder on the core thread; then write() runs on the commit thread while the core
// thread still looks things up with find(); then it is reset for another group.
class Group final : public domain::SealedGroup {
 public:
  // What the group did to a key.
  struct Write {
    bool removed = false;
    std::string_view value;  // valid until the group is changed
  };

  Group(Database& database, DurableProgress& progress);

  // Forgets everything and becomes group `number`; keeps its memory.
  void reset(std::uint64_t number);

  void put(Family family, std::string_view key, std::string_view value);
  void remove(Family family, std::string_view key);
  void add_entry(domain::OutboxEntry entry) { entries_.push_back(std::move(entry)); }
  [[nodiscard]] std::optional<Write> find(Family family, std::string_view key) const;

  // What is written after mark() can be taken back once, by undo(), or is kept by keep().
  void mark();
  void keep();
  void undo();

  // Adds the records that say where the store stands; nothing is written to it afterwards.
  void seal(const Position& before, const Position& after);

  [[nodiscard]] bool empty() const { return overlay_.size() == 0; }
  [[nodiscard]] std::size_t bytes() const { return batch_.GetDataSize(); }
  [[nodiscard]] std::size_t capacity() const { return batch_.Data().capacity(); }

  std::uint64_t number() const override { return number_; }
  const std::vector<domain::OutboxEntry>& entries() const override { return entries_; }
  domain::Status write() override;

 private:
  Database& database_;
  DurableProgress& progress_;
  std::uint64_t number_ = 0;
  rocksdb::WriteBatch batch_;
  WriteOverlay overlay_;
  std::vector<domain::OutboxEntry> entries_;
  std::size_t marked_operations_ = 0;
  std::size_t marked_entries_ = 0;
  Position after_;
};

}  // namespace outboxd::storage
