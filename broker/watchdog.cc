#include "broker/watchdog.h"

#include <utility>

#include "systemd/notify.h"

namespace outboxd::broker {

Watchdog::Watchdog(Broker& broker, const domain::Clock& clock,
                   std::optional<std::chrono::milliseconds> interval)
    : broker_(broker),
      clock_(clock),
      period_ms_(interval ? std::optional<std::int64_t>(interval->count() / 2) : std::nullopt),
      looked_at_ms_(clock.monotonic_ms()) {}

void Watchdog::check() {
  const std::int64_t now_ms = clock_.monotonic_ms();
  if (!period_ms_ || now_ms - looked_at_ms_ < *period_ms_) return;
  looked_at_ms_ = now_ms;
  const Committer::Progress progress = broker_.progress();
  const bool moved = std::exchange(groups_seen_, progress.groups) != progress.groups;
  if (!progress.idle && !moved) return;
  broker_.query([](const transport::BrokerSessions&) { systemd::notify_watchdog(); });
}

}  // namespace outboxd::broker
