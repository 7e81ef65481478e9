// The broker's condition at one moment, for people and for Prometheus.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "broker/engine.h"
#include "domain/clock.h"

namespace outboxd::broker {

struct Report {
  std::string endpoint;
  std::int64_t uptime_ms = 0;
  BrokerSnapshot broker;
  std::vector<TopicInfo> topics;
  EngineStats engine;
  std::uint64_t free_bytes = 0;  // on the engine's file system
  std::string last_error;        // empty: none since the start
  domain::TimestampMs last_error_at_ms = 0;
};

// The result of broker.status: one encoded map.
std::string encode_status(const Report& report);

// The Prometheus text exposition format, version 0.0.4. Counters count from the start of the
// process.
std::string metrics_text(const Report& report);

}  // namespace outboxd::broker
