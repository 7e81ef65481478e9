#include "systemd/notify.h"

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <string>

#include <systemd/sd-daemon.h>

namespace outboxd::systemd {
namespace {

void send(const std::string& state) {
  static_cast<void>(sd_notify(/*unset_environment=*/0, state.c_str()));
}

// The protocol is lines of NAME=VALUE, so a line break in a text would begin another assignment.
std::string status_line(std::string_view status) {
  std::string line = "STATUS=";
  line += status;
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r' || c == '\0'; }, ' ');
  return line;
}

std::string monotonic_line() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t usec = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
  return "MONOTONIC_USEC=" + std::to_string(usec);
}

}  // namespace

void notify_ready(std::string_view status) {
  send("READY=1\n" + status_line(status));
}

void notify_reloading() {
  send("RELOADING=1\n" + monotonic_line());
}

void notify_stopping(std::string_view status) {
  send("STOPPING=1\n" + status_line(status));
}

void notify_status(std::string_view status) {
  send(status_line(status));
}

void notify_extend_timeout(std::chrono::milliseconds more) {
  const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(more).count();
  send("EXTEND_TIMEOUT_USEC=" + std::to_string(usec));
}

std::optional<std::chrono::milliseconds> watchdog_interval() {
  std::uint64_t usec = 0;
  if (sd_watchdog_enabled(/*unset_environment=*/0, &usec) <= 0) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::microseconds(static_cast<std::int64_t>(usec)));
}

void notify_watchdog() {
  send("WATCHDOG=1");
}

}  // namespace outboxd::systemd
