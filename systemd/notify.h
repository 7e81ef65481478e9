// What a service tells its service manager (sd_notify). Without one ($NOTIFY_SOCKET is unset) every
// call does nothing, so that a program need not know how it was started.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace outboxd::systemd {

// All of these may be called from any thread. Failures are ignored on purpose: a service manager
// that does not listen must not stop the service.

// Start-up is complete: units ordered after this one may start. Call it after recovery, when
// requests are answered.
void notify_ready(std::string_view status);

// Configuration is being read again; end it with notify_ready. Carries MONOTONIC_USEC, which
// Type=notify-reload (systemd 253) needs and older versions ignore.
void notify_reloading();

// Shutdown has begun.
void notify_stopping(std::string_view status);

// One line for `systemctl status`. Line breaks become spaces.
void notify_status(std::string_view status);

// Start-up or shutdown makes progress: allow `more` from now on before giving up on it. Call it
// again before that is over.
void notify_extend_timeout(std::chrono::milliseconds more);

// The time within which the service manager expects each ping, or nothing when it expects none of
// this process (WATCHDOG_USEC, WATCHDOG_PID). Ping at half of it.
std::optional<std::chrono::milliseconds> watchdog_interval();

// The service still does its work. Call it from proof that it does, never from a timer alone.
void notify_watchdog();

}  // namespace outboxd::systemd
