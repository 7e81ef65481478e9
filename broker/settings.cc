#include "broker/settings.h"

#include "domain/ids.h"
#include "transport/link/endpoint.h"

namespace outboxd::broker {

std::optional<std::string> problem_with_endpoint(std::string_view endpoint) {
  const auto local = transport::local_endpoint(endpoint);
  if (local) return std::nullopt;
  return local.error().message;
}

std::vector<config::Problem> read_settings(const std::string& chosen, Settings& settings) {
  const config::TextRule endpoint{
      "tcp://HOST:PORT or ipc:///PATH on this machine",
      [](std::string_view text) { return !problem_with_endpoint(text); }};
  const config::TextRule path{"an absolute path",
                              [](std::string_view text) { return text.starts_with('/'); }};
  const config::TextRule topic{"a topic: 1 to 64 characters from A-Z a-z 0-9 . _ : -",
                               domain::is_valid_id};
  config::Reader reader;
  reader.text("listen", settings.listen, endpoint)
      .text("data_dir", settings.data_dir, path)
      .text("socket", settings.socket, path)
      .integer("link.window_events", settings.window_events, {.min = 1, .max = 1 << 20})
      .integer("link.window_bytes", settings.window_bytes, {.min = 1 << 20, .max = 1 << 28})
      .integer("link.peer_timeout_ms", settings.peer_timeout_ms, {.min = 1000, .max = 3'600'000})
      .integer("link.max_connections", settings.max_connections, {.min = 1, .max = 60000})
      .texts("topics.allowed", settings.allowed_topics, topic)
      .text("log.level", settings.log_level,
            config::one_of({"error", "warning", "notice", "info", "debug"}));
  return reader.read_files(config::files_to_read(chosen, kConfigFile));
}

}  // namespace outboxd::broker
