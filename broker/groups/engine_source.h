// A group's events, read from the engine.
#pragma once

#include <optional>
#include <utility>

#include "broker/engine.h"
#include "broker/groups/event_source.h"

namespace outboxd::broker {

// Topic and deferred table of one group. Thread contract: the engine's for reading.
class EngineSource final : public EventSource {
 public:
  // `engine` must outlive it.
  EngineSource(const Engine& engine, GroupId id) : engine_(engine), id_(std::move(id)) {}

  domain::Status read(Offset from, const std::function<bool(const StoredEvent&)>& visit) override {
    domain::Status status = engine_.read(id_.topic, from, visit);
    if (!status && status.error().code == domain::ErrorCode::kNotFound) return domain::ok_status();
    return status;
  }

  Offset end() override {
    const std::optional<TopicInfo> topic = engine_.topic(id_.topic);
    return topic ? topic->next_offset : 1;
  }

  domain::Result<std::optional<DeferredEvent>> deferred(Offset offset) override {
    return engine_.deferred(id_, offset);
  }

 private:
  const Engine& engine_;
  const GroupId id_;
};

}  // namespace outboxd::broker
