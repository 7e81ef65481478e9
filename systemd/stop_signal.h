// Waiting for the request to stop.
#pragma once

#include <chrono>
#include <csignal>
#include <optional>

namespace outboxd::systemd {

// Blocks SIGTERM, SIGINT and SIGHUP in the calling thread and in all that it starts afterwards, so
// that they are waited for instead of interrupting, and ignores SIGPIPE. Construct it before the
// first thread.
class StopSignal {
 public:
  StopSignal();

  // Waits for one of them, for ever or at most `timeout`. True when it came.
  bool wait(std::optional<std::chrono::milliseconds> timeout) const;

 private:
  sigset_t signals_;
};

}  // namespace outboxd::systemd
