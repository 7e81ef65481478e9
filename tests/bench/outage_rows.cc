#include "tests/bench/outage_rows.h"

#include <algorithm>
#include <thread>

#include "tests/bench/sample_order.h"

namespace outboxd::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kInFlight = 16;
constexpr double kMiB = 1024.0 * 1024.0;
// What may lie about besides live state.
constexpr double kDiskAllowanceBytes = 32 * kMiB;
// An order's key as the sample has it: "o-" and twelve digits.
constexpr double kLiveOrderBytes = static_cast<double>(kStateBytes + 2 + kOrderNumber.size());

Figures commit_rate(Appliance& appliance) {
  const LoadResult result = appliance.commit_for(kInFlight);
  return {result.seconds, {{"per_second", result.per_second()}}};
}

Figures without_backlog(RunContext& context) {
  Appliance appliance(context);
  appliance.start_daemon();
  return commit_rate(appliance);
}

Figures with_backlog(RunContext& context) {
  Appliance appliance(context);
  appliance.start_daemon();
  appliance.commit_count(context.settings.backlog_events);
  return commit_rate(appliance);
}

// Start after a kill, which has a log to recover on top of the backlog.
Figures start_with_backlog(RunContext& context) {
  Appliance appliance(context);
  appliance.start_daemon();
  appliance.commit_count(context.settings.backlog_events);
  appliance.kill_daemon();
  const double seconds = appliance.start_daemon().count();
  return {seconds, {{"ready_s", seconds}}};
}

Figures disk_after_relay(RunContext& context) {
  Appliance appliance(context);
  appliance.start_daemon();
  appliance.commit_count(context.settings.backlog_events);
  const auto before = static_cast<double>(appliance.daemon_disk_bytes());
  appliance.start_broker();
  const auto begin = Clock::now();
  appliance.wait_until_broker_has(appliance.last_seq());
  appliance.wait_until_acknowledged();
  std::this_thread::sleep_for(context.settings.disk_wait);
  const std::chrono::duration<double> elapsed = Clock::now() - begin;
  const double live = kLiveOrderBytes * static_cast<double>(appliance.orders());
  return {elapsed.count(),
          {{"disk_mib", static_cast<double>(appliance.daemon_disk_bytes()) / kMiB},
           {"before_mib", before / kMiB},
           {"allowed_mib", (live + kDiskAllowanceBytes) / kMiB}}};
}

// The last row: the peak of every daemon that this run has had. Alone it has a day of its own.
Figures peak_memory(RunContext& context) {
  const auto begin = Clock::now();
  if (context.daemon_peak_rss_bytes == 0) disk_after_relay(context);
  const std::chrono::duration<double> elapsed = Clock::now() - begin;
  return {std::max(elapsed.count(), 1e-9),
          {{"peak_rss_mib", static_cast<double>(context.daemon_peak_rss_bytes) / kMiB}}};
}

}  // namespace

std::vector<Side> outage_sides() {
  return {
      {"backlog", "", "outboxd", with_backlog},     {"backlog", "", "without", without_backlog},
      {"start", "", "outboxd", start_with_backlog}, {"disk", "", "outboxd", disk_after_relay, true},
      {"memory", "", "outboxd", peak_memory, true},
  };
}

}  // namespace outboxd::bench
