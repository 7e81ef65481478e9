#include "broker/settings.h"

#include <charconv>
#include <string_view>

#include "domain/ids.h"

namespace outboxd::broker {
namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kIpc = "ipc://";

// HOST of tcp://HOST:PORT, or empty when `endpoint` is not of that form.
std::string_view host_of(std::string_view endpoint) {
  if (!endpoint.starts_with(kTcp)) return {};
  endpoint.remove_prefix(kTcp.size());
  const std::size_t colon = endpoint.rfind(':');
  if (colon == endpoint.npos || colon == 0) return {};
  const std::string_view port = endpoint.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool is_number = error == std::errc() && end == port.data() + port.size();
  return is_number || port == "*" ? endpoint.substr(0, colon) : std::string_view();
}

bool is_endpoint(std::string_view text) {
  return !host_of(text).empty() || (text.starts_with(kIpc) && text.size() > kIpc.size());
}

bool is_loopback(std::string_view host) {
  return host.starts_with("127.") || host == "localhost" || host == "[::1]" || host == "::1";
}

constexpr char kEndpointRule[] = "tcp://HOST:PORT or ipc://PATH";

}  // namespace

std::vector<config::Problem> read_settings(const std::string& chosen, Settings& settings) {
  const config::TextRule path{"an absolute path",
                              [](std::string_view text) { return text.starts_with('/'); }};
  const config::TextRule topic{"a topic: 1 to 64 characters from A-Z a-z 0-9 . _ : -",
                               domain::is_valid_id};
  config::Reader reader;
  reader.text("listen", settings.listen, {kEndpointRule, is_endpoint})
      .text("data_dir", settings.data_dir, path)
      .text("socket", settings.socket, path)
      .boolean("link.allow_plaintext_network", settings.allow_plaintext_network)
      .integer("link.window_events", settings.window_events, {.min = 1, .max = 1 << 20})
      .integer("link.window_bytes", settings.window_bytes, {.min = 1 << 20, .max = 1 << 28})
      .integer("link.peer_timeout_ms", settings.peer_timeout_ms, {.min = 1000, .max = 3'600'000})
      .integer("link.max_connections", settings.max_connections, {.min = 1, .max = 60000})
      .texts("topics.allowed", settings.allowed_topics, topic)
      .text("log.level", settings.log_level,
            config::one_of({"error", "warning", "notice", "info", "debug"}));
  return reader.read_files(config::files_to_read(chosen, kConfigFile));
}

std::optional<std::string> problem_with(const Settings& settings) {
  if (!is_endpoint(settings.listen)) {
    return std::string("listen: must be ") + kEndpointRule + ", not \"" + settings.listen + '"';
  }
  const std::string_view host = host_of(settings.listen);
  if (!host.empty() && !is_loopback(host) && !settings.allow_plaintext_network) {
    return "listen: the link is not encrypted, so it must be an address of this machine "
           "(127.0.0.1), not \"" +
           settings.listen +
           "\"; on a network that you trust, set link.allow_plaintext_network = true";
  }
  return std::nullopt;
}

}  // namespace outboxd::broker
