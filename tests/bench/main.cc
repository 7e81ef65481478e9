// outboxd-bench: outboxd and its peers side by side, in one run, on one machine. See README.md.
#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "tests/bench/bare_rocksdb.h"
#include "tests/bench/errors.h"
#include "tests/bench/scoreboard.h"
#include "tests/bench/settings.h"
#include "tests/bench/sides.h"
#include "tests/bench/signal_watch.h"
#include "tests/bench/temp_dir.h"

namespace outboxd::bench {
namespace {

bool is_wanted(const std::vector<std::string>& wanted, const std::string& name) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end();
}

std::vector<std::string> side_names(const std::vector<Side>& sides) {
  std::vector<std::string> names;
  for (const Side& side : sides) names.push_back(side.name);
  return names;
}

// The sides of a row take turns, so that a noisy minute of the machine hits all of them.
void initialize_google_benchmark(char* program) {
  std::string interleaving = "--benchmark_enable_random_interleaving=true";
  std::vector<char*> arguments{program, interleaving.data(), nullptr};
  int count = 2;
  benchmark::Initialize(&count, arguments.data());
}

int run(Settings settings, char* program, SignalWatch& signals) {
  const std::vector<Side> sides = all_sides();
  const std::vector<std::string> rows = row_names(sides);
  check_names(settings.rows, rows, "--rows");
  check_names(settings.sides, side_names(sides), "--sides");
  const TempDir home(settings.work_dir);
  signals.remove_on_signal(home.path());
  settings.work_dir = home.path();

  RunContext context{settings};
  initialize_google_benchmark(program);
  Scoreboard scoreboard(settings.json_file);
  for (const std::string& row : rows) {
    benchmark::ClearRegisteredBenchmarks();
    bool has_sides = false;
    for (const Side& side : sides) {
      if (side.row != row || !is_wanted(settings.sides, side.name)) continue;
      register_side(side, context);
      has_sides = true;
    }
    if (has_sides && is_wanted(settings.rows, row)) benchmark::RunSpecifiedBenchmarks(&scoreboard);
  }
  scoreboard.finish();
  return scoreboard.has_failures() ? 1 : 0;
}

}  // namespace
}  // namespace outboxd::bench

int main(int argc, char** argv) {
  namespace bench = outboxd::bench;
  try {
    if (argc == 4 && argv[1] == bench::kEchoServerFlag) {
      bench::run_echo_server(argv[2], argv[3]);
      return 0;
    }
    bench::SignalWatch signals;
    return bench::run(bench::parse_settings(argc, argv), argv[0], signals);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "outboxd-bench: %s\n", error.what());
    return 2;
  }
}
