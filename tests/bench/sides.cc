#include "tests/bench/sides.h"

#include <algorithm>
#include <cstdio>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "tests/bench/broker_memory_row.h"
#include "tests/bench/commit_row.h"
#include "tests/bench/errors.h"
#include "tests/bench/latency_row.h"
#include "tests/bench/outage_rows.h"
#include "tests/bench/payment_rows.h"
#include "tests/bench/relay_row.h"
#include "tests/bench/reservation_rows.h"
#include "tests/bench/scoreboard.h"

namespace outboxd::bench {
namespace {

void print_progress(const std::string& name, const Figures& figures) {
  std::fprintf(stderr, "%-28s", name.c_str());
  for (const auto& [counter, value] : figures.counters) {
    std::fprintf(stderr, "  %s=%.6g", counter.c_str(), value);
  }
  std::fputc('\n', stderr);
}

void run_side(benchmark::State& state, const Side& side, RunContext& context) {
  for ([[maybe_unused]] auto unused : state) {
    try {
      // What the side before has left in the page cache is not written at this one's expense.
      ::sync();
      const Figures figures = side.measure(context);
      state.SetIterationTime(figures.seconds);
      for (const auto& [name, value] : figures.counters) state.counters[name] = value;
      print_progress(side.benchmark_name(), figures);
    } catch (const NotInstalled& reason) {
      state.SkipWithError((std::string(kSkippedPrefix) + reason.what()).c_str());
    } catch (const std::exception& error) {
      state.SkipWithError(error.what());
    }
  }
}

}  // namespace

std::string Side::benchmark_name() const {
  return row + "/" + (variant.empty() ? "" : variant + "/") + name;
}

std::vector<Side> all_sides() {
  std::vector<Side> sides;
  const auto add = [&](const std::vector<Side>& more) {
    sides.insert(sides.end(), more.begin(), more.end());
  };
  add(commit_sides());
  add(latency_sides());
  add(relay_sides());
  add(payment_sides());
  add(reservation_sides());
  add(outage_sides());
  add(broker_memory_sides());
  return sides;
}

std::vector<std::string> row_names(const std::vector<Side>& sides) {
  std::vector<std::string> names;
  for (const Side& side : sides) {
    if (std::find(names.begin(), names.end(), side.row) == names.end()) names.push_back(side.row);
  }
  return names;
}

void register_side(const Side& side, RunContext& context) {
  auto* registered = benchmark::RegisterBenchmark(
      side.benchmark_name().c_str(),
      [side, &context](benchmark::State& state) { run_side(state, side, context); });
  // One iteration is one whole measurement of some seconds; the repetitions give the median.
  registered->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
  registered->Repetitions(side.once ? 1 : static_cast<int>(context.settings.repetitions));
}

}  // namespace outboxd::bench
