// The broker's engine without a disk, for tests of what stands in front of it.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/engine.h"

namespace outboxd::broker {

// Keeps the contract of Engine, except that it forgets everything when it is destroyed (contents()
// carries over what a disk would) and that it keeps every event for ever.
class MemoryEngine : public Engine {
 public:
  struct Event {
    std::string producer;
    domain::Seq seq = 0;
    std::string envelope;
    std::optional<DeadLetter> letter = {};  // that it is
    bool discarded = false;
  };
  struct Group {
    Offset cursor = 1;
    std::map<std::string, domain::Seq> passed;
    std::set<Offset> done;
    std::map<Offset, DeferredEvent> deferred;
  };
  struct Contents {
    std::map<std::string, ProducerPosition, std::less<>> producers;
    std::map<std::string, std::vector<Event>, std::less<>> topics;
    std::map<GroupId, Group> groups;
    std::int64_t elapsed_ms = 0;
    std::uint64_t starts = 0;
    std::string history = "00000000000000000000000000000001";
  };

  MemoryEngine() : MemoryEngine(Contents()) {}
  explicit MemoryEngine(Contents contents)
      : contents_(std::move(contents)), elapsed_at_open_(contents_.elapsed_ms) {
    ++contents_.starts;
  }

  [[nodiscard]] Contents contents() const;

  // The same without a copy, for tests with one thread.
  [[nodiscard]] const Contents& look() const { return contents_; }

  // The next append fails with `error`, and stores nothing.
  void fail_next_append(domain::Error error);

  domain::Status append(const AppendBatch& batch) override;
  [[nodiscard]] std::optional<ProducerPosition> producer(std::string_view producer) const override;
  [[nodiscard]] std::vector<ProducerPosition> producers(std::string_view after,
                                                        std::size_t limit) const override;
  [[nodiscard]] std::vector<TopicInfo> topics() const override;
  [[nodiscard]] std::optional<TopicInfo> topic(std::string_view topic) const override;
  domain::Status read(std::string_view topic, Offset from,
                      const std::function<bool(const StoredEvent&)>& visit) const override;
  [[nodiscard]] EngineStats stats() const override { return {}; }
  [[nodiscard]] std::string history() const override { return contents_.history; }
  [[nodiscard]] std::uint64_t starts() const override;
  [[nodiscard]] std::int64_t elapsed_at_open() const override { return elapsed_at_open_; }
  [[nodiscard]] domain::Result<std::vector<GroupState>> groups() const override;
  [[nodiscard]] domain::Result<std::optional<DeferredEvent>> deferred(const GroupId& group,
                                                                      Offset offset) const override;
  domain::Status read_dead(const GroupId& group, Offset from,
                           const LetterVisitor& visit) const override;
  [[nodiscard]] std::uint64_t count_dead(const GroupId& group) const override;
  domain::Status collect() override { return domain::ok_status(); }

 private:
  void apply(const GroupChange& change);
  [[nodiscard]] std::vector<Event> events_of(std::string_view topic) const;

  mutable std::mutex mutex_;  // guards all below
  Contents contents_;
  std::optional<domain::Error> failure_;
  const std::int64_t elapsed_at_open_;
};

}  // namespace outboxd::broker
