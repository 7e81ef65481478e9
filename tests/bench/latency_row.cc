#include "tests/bench/latency_row.h"

#include <algorithm>
#include <numeric>

#include "tests/bench/bare_rocksdb.h"

namespace outboxd::bench {
namespace {

Figures percentiles(std::vector<std::uint64_t> nanoseconds) {
  std::sort(nanoseconds.begin(), nanoseconds.end());
  const auto microseconds = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(nanoseconds.size()));
    return static_cast<double>(nanoseconds[std::min(index, nanoseconds.size() - 1)]) / 1e3;
  };
  const auto total = std::accumulate(nanoseconds.begin(), nanoseconds.end(), std::uint64_t{0});
  return {static_cast<double>(total) / 1e9,
          {{"p50_us", microseconds(0.5)}, {"p99_us", microseconds(0.99)}}};
}

Figures outboxd_latency(RunContext& context) {
  Appliance appliance(context);
  appliance.start_daemon();
  return percentiles(appliance.round_trips());
}

}  // namespace

std::vector<Side> latency_sides() {
  static constexpr const char* kRow = "latency";
  return {
      {kRow, "", "outboxd", outboxd_latency},
      {kRow, "", "rocksdb",
       [](RunContext& context) { return percentiles(measure_rocksdb_echo(context.settings)); }},
      // No target hangs on it; it says what the disk below everything can do.
      {kRow, "", "fdatasync",
       [](RunContext& context) { return percentiles(measure_fdatasync(context.settings)); }},
  };
}

}  // namespace outboxd::bench
