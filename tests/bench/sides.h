// The rows of the comparison and their sides: what is measured, by which function.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/bench/appliance.h"

namespace outboxd::bench {

// What one repetition of one side found.
struct Figures {
  double seconds = 0;  // of the measured part
  std::map<std::string, double> counters;
};

struct Side {
  std::string row;      // as in --rows
  std::string variant;  // empty if the row has only one
  std::string name;     // as in --sides
  std::function<Figures(RunContext&)> measure;
  bool once = false;  // measured once instead of in every repetition

  // The name of its Google Benchmark.
  std::string benchmark_name() const;
};

// All sides in the order in which their rows run.
std::vector<Side> all_sides();

// The names of the rows, in order.
std::vector<std::string> row_names(const std::vector<Side>& sides);

// Registers `side` with Google Benchmark. A side that is not installed or fails says so in the
// report and does not end the run.
void register_side(const Side& side, RunContext& context);

}  // namespace outboxd::bench
