// The configuration of outbox-broker.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/reader.h"

namespace outboxd::broker {

inline constexpr char kConfigFile[] = "/etc/outboxd/outbox-broker.toml";

// What a group does about events that its consumers cannot process. Times are of the broker's
// running time.
struct GroupPolicy {
  std::int64_t max_retries = 3;  // after the first attempt
  std::int64_t backoff_base_ms = 1'000;
  std::int64_t backoff_max_ms = 60'000;
  std::optional<std::int64_t> message_ttl_ms = 600'000;  // from the first delivery on

  friend bool operator==(const GroupPolicy&, const GroupPolicy&) = default;
};

// One [[group]]: what it leaves out it has from [groups].
struct GroupSettings {
  std::string topic;
  std::string name;
  GroupPolicy policy;

  friend bool operator==(const GroupSettings&, const GroupSettings&) = default;
};

// Every key with its default; packaging/outbox-broker.toml explains them to operators.
struct Settings {
  std::string listen = "tcp://127.0.0.1:7701";
  std::string data_dir = "/var/lib/outbox-broker";
  std::string socket = "/run/outbox-broker/outbox-broker.sock";

  // [link]
  std::int64_t window_events = 65536;     // of one producer, not yet durable
  std::int64_t window_bytes = 8 << 20;    // the same in bytes
  std::int64_t peer_timeout_ms = 30'000;  // a silent connection is forgotten
  std::int64_t max_connections = 4096;

  // [topics]
  std::vector<std::string> allowed_topics;                // empty: all
  std::optional<std::int64_t> retention_ms = 86'400'000;  // of events that every group is done with

  // [groups]
  GroupPolicy policy;
  std::optional<std::int64_t> dead_retention_ms = 604'800'000;
  std::deque<GroupSettings> groups;  // [[group]], whose variables must stay where they are

  // [storage]
  std::int64_t soft_free_bytes = 256 << 20;  // below: events are not taken
  std::int64_t hard_free_bytes = 64 << 20;   // below: nothing is written at all

  // [log]
  std::string log_level = "info";

  friend bool operator==(const Settings&, const Settings&) = default;
};

// Reads the files of `chosen` (or the default ones, when it is empty) into `settings`. Returns what
// is wrong with them.
std::vector<config::Problem> read_settings(const std::string& chosen, Settings& settings);

// The policy of the group `name` of `topic`.
const GroupPolicy& policy_of(const Settings& settings, std::string_view topic,
                             std::string_view name);

// What is wrong with an endpoint to listen on, or nothing.
std::optional<std::string> problem_with_endpoint(std::string_view endpoint);

}  // namespace outboxd::broker
