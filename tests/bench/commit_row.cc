#include "tests/bench/commit_row.h"

#include "tests/bench/bare_rocksdb.h"
#include "tests/bench/postgres_peer.h"
#include "tests/bench/redis_peer.h"

namespace outboxd::bench {
namespace {

constexpr std::uint32_t kClients = 64;
constexpr std::uint32_t kPipelined = 16;
constexpr std::uint32_t kPostgresClients = 16;
// With one group on its way to the disk and the next being built, each has half of what is in
// flight. A daemon with smaller groups is compared with a loop that has the better ones.
constexpr std::uint32_t kBareGroup = kClients * kPipelined / 2;

Figures rate(const LoadResult& result) {
  return {result.seconds, {{"per_second", result.per_second()}}};
}

Figures outboxd_rate(RunContext& context, std::uint32_t in_flight) {
  Appliance appliance(context);
  appliance.start_daemon();
  return rate(appliance.commit_for(in_flight));
}

}  // namespace

std::vector<Side> commit_sides() {
  static constexpr const char* kRow = "commit";
  std::vector<Side> sides = {
      {kRow, "64x1", "outboxd", [](RunContext& context) { return outboxd_rate(context, 1); }},
      {kRow, "64x1", "redis",
       [](RunContext& context) { return rate(measure_redis(context.settings, kClients, 1)); }},
      {kRow, "64x1", "postgresql",
       [](RunContext& context) {
         return rate(measure_postgres(context.settings, kPostgresClients));
       }},
      {kRow, "64x16", "outboxd",
       [](RunContext& context) { return outboxd_rate(context, kPipelined); }},
      {kRow, "64x16", "redis",
       [](RunContext& context) {
         return rate(measure_redis(context.settings, kClients, kPipelined));
       }},
      {kRow, "64x16", "rocksdb",
       [](RunContext& context) {
         return rate(measure_bare_rocksdb(context.settings, kBareGroup));
       }},
  };
  return sides;
}

}  // namespace outboxd::bench
