// Puts the daemon together: the one place that names concrete adapters.
#pragma once

#include "daemon/config.h"

namespace outboxd::daemon {

// Opens the store and serves until SIGTERM or SIGINT. Returns the exit status: 0 after an orderly
// stop. What goes wrong is logged.
int run_daemon(const Config& config);

// Opens the store in spite of damage, tells on stdout what was lost, and closes it. Returns the
// exit status.
int repair_store(const Config& config);

}  // namespace outboxd::daemon
