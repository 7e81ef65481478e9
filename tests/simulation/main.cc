// outboxd-simulate: runs schedules of the protocol simulation, as many as are wanted.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "tests/simulation/simulation.h"

namespace outboxd::simulation {
namespace {

struct Options {
  std::uint64_t first_seed = 1;
  std::uint64_t schedules = 1'000'000;
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  std::string bug;
};

struct Totals {
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> done{0};
  std::atomic<std::uint64_t> steps{0};
  std::atomic<std::uint64_t> events{0};
  std::atomic<std::uint64_t> failed{0};
  std::mutex output;
};

constexpr std::uint64_t kMaxReported = 20;

PlantedBug bug_called(const std::string& name) {
  for (const PlantedBugName& each : kPlantedBugs) {
    if (each.name == name) return each.bug;
  }
  return PlantedBug::kNone;
}

void run_some(const Options& options, PlantedBug bug, Totals& totals) {
  while (true) {
    const std::uint64_t number = totals.next++;
    if (number >= options.schedules || totals.failed >= kMaxReported) return;
    const std::uint64_t seed = options.first_seed + number;
    const Outcome outcome = Simulation(seed, bug).run();
    totals.steps += outcome.steps;
    totals.events += outcome.events;
    ++totals.done;
    if (!outcome.violation) continue;
    ++totals.failed;
    const std::lock_guard lock(totals.output);
    fmt::print("seed {}: {}\n", seed, *outcome.violation);
  }
}

int run(const Options& options) {
  const auto begin = std::chrono::steady_clock::now();
  Totals totals;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.threads; ++i) {
    threads.emplace_back([&] { run_some(options, bug_called(options.bug), totals); });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  fmt::print("{} schedules with {} events in {} steps, {} failed; {:.1f} s, {:.0f} schedules/s\n",
             totals.done.load(), totals.events.load(), totals.steps.load(), totals.failed.load(),
             took.count(), static_cast<double>(totals.done) / took.count());
  return totals.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace outboxd::simulation

int main(int argc, char** argv) {
  outboxd::simulation::Options options;
  std::vector<std::string> names;
  for (const auto& each : outboxd::simulation::kPlantedBugs) names.emplace_back(each.name);
  CLI::App app("Runs schedules of outboxd's protocol simulation.", "outboxd-simulate");
  app.add_option("--seed", options.first_seed, "the first schedule")->capture_default_str();
  app.add_option("--schedules", options.schedules, "how many")->capture_default_str();
  app.add_option("--threads", options.threads, "how many at a time")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--bug", options.bug, "plant a bug that must be found")
      ->check(CLI::IsMember(names));
  CLI11_PARSE(app, argc, argv);
  return outboxd::simulation::run(options);
}
