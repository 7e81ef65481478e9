// Thousands of schedules of the simulation. A failing one prints its seed; to replay it:
//   OUTBOXD_SEED=<seed> transport_link_test --gtest_filter='SimulatedLink.*'
// OUTBOXD_SCHEDULES=<n> runs more or fewer.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/transport/link/simulation.h"

namespace outboxd::transport {
namespace {

// A CHECK in a session aborts: the seed must be known even then.
volatile std::sig_atomic_t seed_is_set = 0;  // lint: allow(banned_calls) a signal handler reads it
char seed_line[64];

void print_seed(int) {
  if (seed_is_set != 0) (void)!::write(STDERR_FILENO, seed_line, std::strlen(seed_line));
}

std::uint64_t number_from(const char* variable, std::uint64_t fallback) {
  const char* text = std::getenv(variable);
  std::uint64_t value = fallback;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), value);
  return value;
}

TEST(SimulatedLink,
     DeliversEveryEventOnceInOrderAndHasEveryJobDoneWhateverTheNetworkAndTheCrashesDo) {
  const std::uint64_t first = number_from("OUTBOXD_SEED", 1);
  const std::uint64_t schedules =
      number_from("OUTBOXD_SCHEDULES", std::getenv("OUTBOXD_SEED") == nullptr ? 1000 : 1);
  const auto previous = std::signal(SIGABRT, print_seed);
  BrokerCounters seen;
  std::uint64_t delivered = 0;
  std::uint64_t done = 0;   // jobs
  std::uint64_t stale = 0;  // settlements
  for (std::uint64_t seed = first; seed < first + schedules && !HasFailure(); ++seed) {
    std::snprintf(seed_line, sizeof seed_line, "OUTBOXD_SEED=%llu\n",
                  static_cast<unsigned long long>(seed));
    seed_is_set = 1;
    SCOPED_TRACE(seed_line);
    Simulation simulation(seed);
    simulation.run();
    delivered += simulation.events_delivered();
    seen.events_duplicate += simulation.counters().events_duplicate;
    seen.events_refused += simulation.counters().events_refused;
    seen.fenced += simulation.counters().fenced;
    seen.gaps += simulation.counters().gaps;
    seen.twins += simulation.counters().twins;
    seen.frames_lost += simulation.counters().frames_lost;
    done += simulation.groups().done();
    stale += simulation.groups().stale_settlements();
  }
  std::signal(SIGABRT, previous);
  if (schedules < 100) return;
  // The schedules must have met what they are for.
  EXPECT_GT(delivered, 100 * schedules);
  EXPECT_GT(seen.events_duplicate, 0U);
  EXPECT_GT(seen.events_refused, 0U);
  EXPECT_GT(seen.fenced, 0U);
  EXPECT_GT(seen.gaps, 0U);
  EXPECT_GT(seen.twins, 0U);
  EXPECT_GT(seen.frames_lost, 0U);
  EXPECT_GT(done, 10 * schedules);
  EXPECT_EQ(stale, 0U) << "a settlement comes in its own session or not at all";
}

}  // namespace
}  // namespace outboxd::transport
