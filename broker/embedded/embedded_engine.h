// The engine that needs nothing but a directory: RocksDB.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "broker/embedded/format.h"
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
  bool torn_tail_dropped = false;   // normal after a power cut: nothing in it was acknowledged
  std::vector<std::string> damage;  // where acknowledged batches were damaged; only when repaired
  std::string copy_directory;       // where the damaged files are kept
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
  domain::Status read(std::string_view topic, Offset from,
                      const std::function<bool(const StoredEvent&)>& visit) const override;
  [[nodiscard]] EngineStats stats() const override;

 private:
  struct Topic {
    std::uint32_t id = 0;
    Offset first_offset = 1;
    Offset next_offset = 1;
  };
  class BatchBuilder;

  explicit EmbeddedEngine(std::unique_ptr<storage::Database> database);
  domain::Status load_names();
  domain::Status find_lost();
  domain::Status find_ends(const std::string& name, Topic& topic) const;

  // Constant after open().
  const std::unique_ptr<storage::Database> database_;
  EmbeddedRecovery recovery_;

  // Written by append() under the mutex, after the batch is durable; read by append() without it
  // and by everyone else with it.
  mutable std::mutex mutex_;
  std::map<std::string, ProducerRecord, std::less<>> producers_;
  std::map<std::string, Topic, std::less<>> topics_;
  std::map<std::uint32_t, std::string_view> producer_names_;  // by id; into producers_' keys
  std::uint32_t last_producer_id_ = 0;
  std::uint32_t last_topic_id_ = 0;
};

}  // namespace outboxd::broker
