// What a service stands on in its tests: the in-memory store, the outbox publisher, and a clock
// that the test sets.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "daemon/group_commit.h"
#include "daemon/outbox_publisher.h"
#include "domain/clock.h"
#include "domain/store.h"
#include "tests/contract/store/memory_store.h"

namespace outboxd::daemon {

class SetClock : public domain::Clock {
 public:
  domain::TimestampMs wall_ms() const override { return now_ms; }
  std::int64_t monotonic_ms() const override { return now_ms; }

  domain::TimestampMs now_ms = 1'291'191'960'000;
};

class ServiceStage {
 public:
  // Runs `use_case` in a unit of work, which is kept or undone as the core would.
  template <typename UseCase>
  auto run(UseCase use_case) {
    auto result = use_case(store.begin());
    result.ok() ? store.accept() : store.discard();
    return result;
  }

  // Makes everything so far durable.
  void commit() {
    std::unique_ptr<domain::SealedGroup> group = store.seal();
    if (group == nullptr) return;
    OUTBOXD_CHECK(group->write().ok());
    store.retire(std::move(group));
  }

  // "seq:topic " of every durable outbox entry.
  std::string outbox_topics() {
    commit();
    std::string topics;
    OUTBOXD_CHECK(store
                      .scan_outbox(1,
                                   [&](const domain::OutboxEntry& entry) {
                                     topics += std::to_string(entry.seq) + ":" + entry.topic + " ";
                                     return true;
                                   })
                      .ok());
    return topics;
  }

  support::MemoryDisk disk;
  support::MemoryStore store{disk};
  OutboxPublisher::Backlog backlog{.max_entries = 1000};
  OutboxPublisher publisher{backlog};
  SetClock clock;
};

// Commits to a stage at once.
class StageCommits : public GroupCommit {
 public:
  explicit StageCommits(ServiceStage& stage) : stage_(stage) {}
  void apply(const Effect& effect, WhenDurable when_durable) override {
    const domain::Status status =
        stage_.run([&](domain::UnitOfWork& work) { return effect(work); });
    if (when_durable) when_durable(status);
  }
  void look(const std::function<void(domain::UnitOfWork&)>& read) override {
    read(stage_.store.begin());
    stage_.store.discard();
  }

 private:
  ServiceStage& stage_;
};

}  // namespace outboxd::daemon
