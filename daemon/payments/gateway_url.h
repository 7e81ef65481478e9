// Where a payment gateway may be.
#pragma once

#include <string_view>

namespace outboxd::daemon {

// True for https://HOST…, and for http://HOST… when the host is this machine (127.0.0.1, [::1],
// localhost): what is charged must not travel in plain text.
bool is_gateway_url(std::string_view url);

}  // namespace outboxd::daemon
