#include "daemon/payments/gateway_url.h"

namespace outboxd::daemon {
namespace {

bool is_this_machine(std::string_view authority) {
  if (authority.find('@') != std::string_view::npos) return false;  // a name before another host
  for (const std::string_view host : {"127.0.0.1", "[::1]", "localhost"}) {
    if (!authority.starts_with(host)) continue;
    const std::string_view rest = authority.substr(host.size());
    if (rest.empty() || rest.starts_with(":") || rest.starts_with("/")) return true;
  }
  return false;
}

}  // namespace

bool is_gateway_url(std::string_view url) {
  constexpr std::string_view kSecure = "https://";
  constexpr std::string_view kPlain = "http://";
  for (const char c : url) {
    if (c <= ' ' || c == '\x7F') return false;
  }
  if (url.starts_with(kSecure)) return url.size() > kSecure.size();
  return url.starts_with(kPlain) && is_this_machine(url.substr(kPlain.size()));
}

}  // namespace outboxd::daemon
