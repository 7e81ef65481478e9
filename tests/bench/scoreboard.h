// Collects what the sides found and holds it against the targets.
#pragma once

#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

namespace outboxd::bench {

// Marks the report of a side that was skipped, as against one that failed.
inline constexpr std::string_view kSkippedPrefix = "skipped: ";

// The reporter of all rows: keeps every repetition, and writes one JSON document if asked to.
class Scoreboard : public benchmark::BenchmarkReporter {
 public:
  // `json_file` may be empty.
  explicit Scoreboard(const std::string& json_file);

  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;

  // After the last row: ends the JSON document and prints the table.
  void finish();

  // True if a side failed that was not merely skipped.
  bool has_failures() const { return has_failures_; }

 private:
  // The median over the repetitions, or nothing if that side has no figure.
  std::optional<double> median(const std::string& side, const std::string& counter) const;
  // Why a side has no figure.
  std::string reason(const std::string& side) const;
  void print_table() const;
  // Names the sides whose repetitions lie far apart: their medians say little.
  void print_noise() const;

  std::map<std::string, std::map<std::string, std::vector<double>>> values_;
  std::map<std::string, std::string> errors_;
  bool has_failures_ = false;
  bool json_has_context_ = false;
  std::ofstream json_stream_;
  std::optional<benchmark::JSONReporter> json_;
};

}  // namespace outboxd::bench
