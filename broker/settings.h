// The configuration of outbox-broker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/reader.h"

namespace outboxd::broker {

inline constexpr char kConfigFile[] = "/etc/outboxd/outbox-broker.toml";

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
  std::vector<std::string> allowed_topics;  // empty: all

  // [log]
  std::string log_level = "info";

  friend bool operator==(const Settings&, const Settings&) = default;
};

// Reads the files of `chosen` (or the default ones, when it is empty) into `settings`. Returns what
// is wrong with them.
std::vector<config::Problem> read_settings(const std::string& chosen, Settings& settings);

// What is wrong with an endpoint to listen on, or nothing.
std::optional<std::string> problem_with_endpoint(std::string_view endpoint);

}  // namespace outboxd::broker
