#include "tests/bench/broker_memory_row.h"

#include <chrono>

#include "tests/bench/retrying_consumer.h"

namespace outboxd::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMiB = 1024.0 * 1024.0;
constexpr const char* kTopic = "orders";
constexpr const char* kGroup = "rejecting";
// A back-off of an hour: what is rejected still waits when the last of it is rejected.
constexpr const char* kPatientGroups =
    "[groups]\nbackoff_base_ms = 3600000\nbackoff_max_ms = 3600000\nmessage_ttl_ms = \"never\"\n";

// The events come over the link from a daemon, and a consumer of that daemon rejects every
// hundredth of them: the oldest, each with a key of its own.
Figures broker_memory(RunContext& context) {
  const std::uint64_t events = context.settings.retained_events;
  const std::uint64_t retrying = events / 100;
  const auto begin = Clock::now();
  Appliance appliance(context);
  appliance.start_broker(kPatientGroups);
  appliance.start_daemon();
  appliance.commit_count(events);
  appliance.wait_until_broker_has(events);
  retry_deliveries(appliance.daemon_socket(), kTopic, kGroup, retrying);
  appliance.wait_until_retrying(kGroup, retrying);
  const MemoryUse memory = appliance.broker_memory();
  const std::chrono::duration<double> elapsed = Clock::now() - begin;
  return {elapsed.count(),
          {{"peak_rss_mib", static_cast<double>(memory.peak_bytes) / kMiB},
           {"rss_mib", static_cast<double>(memory.resident_bytes) / kMiB}}};
}

}  // namespace

std::vector<Side> broker_memory_sides() {
  return {{"broker_memory", "", "outboxd", broker_memory, true}};
}

}  // namespace outboxd::bench
