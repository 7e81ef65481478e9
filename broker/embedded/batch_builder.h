// Turns what is to be made durable into one RocksDB WriteBatch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rocksdb/write_batch.h>

#include "broker/embedded/catalog.h"
#include "broker/embedded/retention.h"
#include "broker/engine.h"
#include "storage/database/database.h"

namespace outboxd::broker {

// Column families in the order of the engine's database.
enum Family : std::size_t { kMeta = 0, kLog = 1, kGroups = 2 };

// Builds one batch from an AppendBatch and the catalog as it is, and remembers what the catalog
// becomes once the batch is durable. Lives for one append; both references outlive it.
class BatchBuilder {
 public:
  BatchBuilder(const Catalog& catalog, storage::Database& database, const AppendBatch& batch,
               const RetentionOptions& retention);

  // Error: internal, when the disk cannot be read.
  domain::Status build();
  [[nodiscard]] rocksdb::WriteBatch& writes() { return writes_; }

  // The batch is durable.
  void publish_to(Catalog& catalog, RetainedOffsets& retained) const;

 private:
  static std::size_t expected_bytes(const AppendBatch& batch);

  void add(const ProducerPosition& position);
  void add(const NewEvent& event);
  void add(const GroupChange& change);
  void bury(const GroupId& group, const DeadLetter& letter);
  domain::Status discard(const GroupId& group, const std::vector<Offset>& letters);
  domain::Status retain();
  domain::Status retain(const std::string& name, const Topic& now);
  domain::Status remove_below(Topic& topic, Offset below);
  domain::Result<Offset> needed_from(const std::string& topic, Offset below) const;
  domain::Result<Offset> deferred_from(std::uint32_t group_id, Offset below) const;
  domain::Result<std::uint64_t> count_events(const Topic& topic, Offset end) const;
  void write_topics();

  Topic& topic_named(std::string_view name);
  [[nodiscard]] std::uint32_t producer_id(std::string_view name) const;
  void put(Family family, std::string_view key, std::string_view value);
  void remove(Family family, std::string_view key);

  const Catalog& catalog_;
  storage::Database& database_;
  const AppendBatch& batch_;
  const RetentionOptions& retention_;
  rocksdb::WriteBatch writes_;

  // As they become; only those that the batch changes.
  std::vector<ProducerRecord> producers_;  // in the order of the positions
  std::map<std::string, Topic, std::less<>> topics_;
  std::map<GroupId, GroupRecord> groups_;
  std::pair<const std::string, Topic>* last_topic_ = nullptr;
  bool retained_ = false;
  std::uint32_t last_producer_id_;
  std::uint32_t last_topic_id_;
  std::uint32_t last_group_id_;
};

}  // namespace outboxd::broker
