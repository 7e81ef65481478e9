// How the daemon shows a payment gateway who asks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "domain/result.h"

namespace outboxd::daemon {

// Longer than any key or token, and far below what a server takes as one header.
inline constexpr std::size_t kMaxAuthorizationBytes = 4096;

// True for an absolute path, and for the name of a systemd credential: no '/', and not "." or "..".
// A path relative to wherever the daemon happens to run would be found by accident.
bool is_authorization_file(std::string_view file);

// The value of the header Authorization, such as "Bearer sk_live_…": the one line that is in
// `file`. A name stands for the credential in `credentials_directory` (systemd's
// $CREDENTIALS_DIRECTORY; empty: there are none).
//
// Fails, naming the file and never what is in it, when it cannot be read, when it may be read by
// everyone on this machine, when it is empty or too long, or when it is more than one line of
// printable ASCII: a line break would smuggle headers into every call.
domain::Result<std::string> read_authorization(const std::string& file,
                                               const std::string& credentials_directory);

}  // namespace outboxd::daemon
