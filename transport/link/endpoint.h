// Which endpoints the link may use.
#pragma once

#include <string>
#include <string_view>

#include "domain/result.h"

namespace outboxd::transport {

// The endpoint as ZeroMQ takes it: ipc://PATH, or tcp://HOST:PORT where HOST is 127.0.0.0/8, [::1]
// or localhost (which becomes 127.0.0.1, without asking a resolver). Error: bad_request for
// everything else. Frames are neither encrypted nor authenticated yet, so they must not leave the
// machine; keys (CURVE) come with a later release and lift this.
domain::Result<std::string> local_endpoint(std::string_view endpoint);

}  // namespace outboxd::transport
