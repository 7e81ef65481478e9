// The broker's engine without a disk, for tests of what stands in front of it.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "broker/engine.h"

namespace outboxd::broker {

// Keeps the contract of Engine, except that it forgets everything when it is destroyed; contents()
// carries over what a disk would.
class MemoryEngine final : public Engine {
 public:
  struct Event {
    std::string producer;
    domain::Seq seq = 0;
    std::string envelope;
  };
  struct Contents {
    std::map<std::string, ProducerPosition, std::less<>> producers;
    std::map<std::string, std::vector<Event>, std::less<>> topics;
  };

  MemoryEngine() = default;
  explicit MemoryEngine(Contents contents) : contents_(std::move(contents)) {}

  [[nodiscard]] Contents contents() const;

  // The next append fails with `error`, and stores nothing.
  void fail_next_append(domain::Error error);

  domain::Status append(const AppendBatch& batch) override;
  [[nodiscard]] std::optional<ProducerPosition> producer(std::string_view producer) const override;
  [[nodiscard]] std::vector<ProducerPosition> producers(std::string_view after,
                                                        std::size_t limit) const override;
  [[nodiscard]] std::vector<TopicInfo> topics() const override;
  domain::Status read(std::string_view topic, Offset from,
                      const std::function<bool(const StoredEvent&)>& visit) const override;
  [[nodiscard]] EngineStats stats() const override { return {}; }

 private:
  mutable std::mutex mutex_;  // guards all below
  Contents contents_;
  std::optional<domain::Error> failure_;
};

}  // namespace outboxd::broker
