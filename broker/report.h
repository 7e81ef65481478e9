// The broker's condition at one moment, for people and for Prometheus.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "broker/engine.h"
#include "broker/groups/group_table.h"
#include "broker/space_guard.h"
#include "domain/clock.h"

namespace outboxd::broker {

struct Report {
  std::string endpoint;
  std::int64_t uptime_ms = 0;
  std::int64_t figures_age_ms = 0;  // of the next three
  BrokerSnapshot broker;
  std::vector<GroupSnapshot> groups;
  GroupCounters group_counters;
  std::uint64_t dead_letters = 0;
  std::vector<TopicInfo> topics;
  EngineStats engine;
  std::uint64_t free_bytes = 0;  // on the engine's file system
  SpaceLevel space = SpaceLevel::kOk;
  std::string last_error;  // empty: none since the start
  domain::TimestampMs last_error_at_ms = 0;
};

// How many events of a topic that ends before `topic_end` the group is not done with: those that it
// has not read, and of the others those that it has not resolved.
std::uint64_t lag_of(const GroupSnapshot& group, Offset topic_end);

// The result of broker.status: one encoded map.
std::string encode_status(const Report& report);

// The Prometheus text exposition format, version 0.0.4. Counters count from the start of the
// process.
std::string metrics_text(const Report& report);

}  // namespace outboxd::broker
