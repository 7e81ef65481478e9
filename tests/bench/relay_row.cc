#include "tests/bench/relay_row.h"

#include "tests/bench/nats_peer.h"
#include "tests/bench/rabbitmq_peer.h"

namespace outboxd::bench {
namespace {

using Clock = std::chrono::steady_clock;

Figures rate(const LoadResult& result) {
  return {result.seconds, {{"per_second", result.per_second()}}};
}

// The peers' clocks start with a connection that stands, so this one does as well; what the
// daemon takes to notice the broker (it backs off while there is none) is a counter of its own.
Figures relay_backlog(RunContext& context) {
  Appliance appliance(context);
  appliance.start_daemon();
  appliance.commit_count(context.settings.backlog_events);
  const std::uint64_t last_seq = appliance.last_seq();
  appliance.start_broker();
  const auto broker_ready = Clock::now();
  appliance.wait_until_connected();
  const auto connected = Clock::now();
  appliance.wait_until_broker_has(last_seq);
  const std::chrono::duration<double> relayed = Clock::now() - connected;
  const std::chrono::duration<double> noticed = connected - broker_ready;
  Figures figures = rate({last_seq, relayed.count()});
  figures.counters["reconnect_s"] = noticed.count();
  return figures;
}

}  // namespace

std::vector<Side> relay_sides() {
  static constexpr const char* kRow = "relay";
  std::vector<Side> sides = {
      {kRow, "", "outboxd", relay_backlog},
      {kRow, "", "rabbitmq",
       [](RunContext& context) { return rate(measure_rabbitmq(context.settings)); }},
      {kRow, "", "nats", [](RunContext& context) { return rate(measure_nats(context.settings)); }},
  };
  return sides;
}

}  // namespace outboxd::bench
