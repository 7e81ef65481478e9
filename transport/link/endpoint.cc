#include "transport/link/endpoint.h"

#include <charconv>
#include <cstddef>
#include <optional>

namespace outboxd::transport {
namespace {

constexpr std::string_view kIpc = "ipc://";
constexpr std::string_view kTcp = "tcp://";
// sun_path holds 108 bytes with the terminating zero.
constexpr std::size_t kMaxIpcPathBytes = 107;

domain::Error refused(std::string_view endpoint, std::string_view why) {
  return domain::bad_request("endpoint",
                             "the endpoint \"" + std::string(endpoint) + "\" " + std::string(why));
}

// The number that is the whole of `text`, if it is one up to `max`.
std::optional<int> number(std::string_view text, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.front() == '-' || value > max) return std::nullopt;
  return value;
}

// True for four numbers that start with 127. Names that merely begin so are refused.
bool is_loopback_v4(std::string_view host) {
  for (int part = 0; part < 4; ++part) {
    const std::size_t dot = part < 3 ? host.find('.') : host.size();
    if (dot == std::string_view::npos) return false;
    const auto value = number(host.substr(0, dot), 255);
    if (!value || (part == 0 && *value != 127)) return false;
    host.remove_prefix(part < 3 ? dot + 1 : dot);
  }
  return host.empty();
}

}  // namespace

domain::Result<std::string> local_endpoint(std::string_view endpoint) {
  if (endpoint.starts_with(kIpc)) {
    const std::string_view path = endpoint.substr(kIpc.size());
    if (path.empty() || path == "*" || path.front() == '@') {
      return refused(endpoint, "names no path; write ipc:///PATH");
    }
    if (path.size() > kMaxIpcPathBytes) return refused(endpoint, "has a path of over 107 bytes");
    return std::string(endpoint);
  }
  if (!endpoint.starts_with(kTcp)) {
    return refused(endpoint, "is of another kind than tcp://HOST:PORT or ipc:///PATH");
  }
  const std::string_view address = endpoint.substr(kTcp.size());
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return refused(endpoint, "has no port");
  const std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  if (!number(port, 65535)) return refused(endpoint, "has no port between 0 and 65535");
  if (host == "[::1]" || is_loopback_v4(host)) return std::string(endpoint);
  if (host == "localhost") return std::string("tcp://127.0.0.1:").append(port);
  return refused(endpoint,
                 "leaves this machine, which needs keys that this release does not have; use "
                 "127.0.0.1, [::1], localhost or ipc:///PATH");
}

}  // namespace outboxd::transport
