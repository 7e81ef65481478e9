// The engine that needs nothing but a directory: RocksDB.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "broker/embedded/catalog.h"
#include "broker/embedded/retention.h"
#include "broker/engine.h"

namespace rocksdb {
class Env;
}
namespace outboxd::storage {
class Database;
}

namespace outboxd::broker {

struct EmbeddedOptions {
  std::string directory;  // its last level is created

  // Go on after damage to acknowledged events (`outbox-broker --repair`).
  bool repair = false;

  RetentionOptions retention;

  // The file system of a test, or null for the system's. Must outlive the engine.
  rocksdb::Env* env = nullptr;
};

// Events of one topic, both ends included.
struct OffsetRange {
  std::string topic;
  Offset first = 0;
  Offset last = 0;

  friend bool operator==(const OffsetRange&, const OffsetRange&) = default;
};

// What opening had to do about the write-ahead log.
struct EmbeddedRecovery {
  // Normal after a power cut, which leaves so what was not acknowledged; a disk that lost what it
  // had promised may leave the same.
  bool torn_tail_dropped = false;

  // Only when repaired.
  std::vector<std::string> damage;  // where acknowledged batches were damaged or gone
  std::vector<std::string> mended;  // files made anew without a loss, in words
  std::string copy_directory;       // where the damaged files are kept; may be empty
  std::vector<OffsetRange> lost;    // gaps that the damage left in topics
};

// Keeps the layout of broker/FORMAT.md. Names and positions are held in memory (their number is
// bounded), events only on disk.
class EmbeddedEngine final : public Engine {
 public:
  // Opens or creates the directory. Errors: storage_full when the disk is full; internal with a
  // message for the operator (which file is damaged, what to run) for everything else.
  static domain::Result<std::unique_ptr<EmbeddedEngine>> open(const EmbeddedOptions& options);

  ~EmbeddedEngine() override;
  EmbeddedEngine(const EmbeddedEngine&) = delete;
  EmbeddedEngine& operator=(const EmbeddedEngine&) = delete;

  [[nodiscard]] const EmbeddedRecovery& recovery() const { return recovery_; }

  domain::Status append(const AppendBatch& batch) override;
  [[nodiscard]] std::optional<ProducerPosition> producer(std::string_view producer) const override;
  [[nodiscard]] std::vector<ProducerPosition> producers(std::string_view after,
                                                        std::size_t limit) const override;
  [[nodiscard]] std::vector<TopicInfo> topics() const override;
  [[nodiscard]] std::optional<TopicInfo> topic(std::string_view topic) const override;
  domain::Status read(std::string_view topic, Offset from,
                      const std::function<bool(const StoredEvent&)>& visit) const override;
  [[nodiscard]] EngineStats stats() const override;
  [[nodiscard]] std::string history() const override { return history_; }
  [[nodiscard]] std::uint64_t starts() const override { return starts_; }
  [[nodiscard]] std::int64_t elapsed_at_open() const override { return elapsed_at_open_; }
  [[nodiscard]] domain::Result<std::vector<GroupState>> groups() const override;
  [[nodiscard]] domain::Result<std::optional<DeferredEvent>> deferred(const GroupId& group,
                                                                      Offset offset) const override;
  domain::Status read_dead(const GroupId& group, Offset from,
                           const LetterVisitor& visit) const override;
  [[nodiscard]] std::uint64_t count_dead(const GroupId& group) const override;
  domain::Status collect() override;

 private:
  EmbeddedEngine(std::unique_ptr<storage::Database> database, const RetentionOptions& retention,
                 std::shared_ptr<RetainedOffsets> retained);
  domain::Status load_catalog();
  domain::Status load(std::string_view key, std::string_view value);
  domain::Status load_topic(std::string_view name, std::string_view record);
  domain::Status find_ends(const std::string& name, Topic& topic) const;
  domain::Status take_start();
  domain::Status find_lost();
  domain::Result<GroupState> load_group(const GroupId& id, const GroupRecord& record) const;
  domain::Status load_entry(std::string_view key, std::string_view value, GroupState& state) const;
  domain::Status scan_log(std::string_view topic, const Topic& ends, Offset from,
                          const std::function<bool(Offset, std::string_view)>& visit) const;
  [[nodiscard]] std::optional<Topic> ends_of(std::string_view topic) const;
  [[nodiscard]] std::optional<std::string_view> producer_name(std::uint32_t id) const;

  // Constant after open().
  const std::unique_ptr<storage::Database> database_;
  EmbeddedRecovery recovery_;

  const RetentionOptions retention_;
  const std::shared_ptr<RetainedOffsets> retained_;  // also read by the database's filter
  std::string history_;
  std::uint64_t starts_ = 0;
  std::int64_t elapsed_at_open_ = 0;

  // Written by append() under the mutex, after the batch is durable; read by append() without it
  // and by everyone else with it.
  mutable std::mutex mutex_;
  Catalog catalog_;

  // collect() only.
  std::map<std::uint32_t, Offset> collected_;  // files below these were dropped, by topic
  std::map<std::uint32_t, Offset> rewritten_;  // and what remained, rewritten
};

}  // namespace outboxd::broker
