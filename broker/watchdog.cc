#include "broker/watchdog.h"

#include <utility>

#include "systemd/notify.h"

namespace outboxd::broker {

void Watchdog::check() {
  const Committer::Progress progress = broker_.progress();
  const bool moved = std::exchange(groups_seen_, progress.groups) != progress.groups;
  if (!progress.idle && !moved) return;
  broker_.query([](const transport::BrokerSessions&) { systemd::notify_watchdog(); });
}

}  // namespace outboxd::broker
