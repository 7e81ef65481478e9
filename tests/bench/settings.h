// What a run measures and how long, from the command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace outboxd::bench {

struct Settings {
  std::filesystem::path bin_dir = "build/release/bin";  // outboxd and outbox-broker
  std::filesystem::path work_dir = "/var/tmp";          // a disk, not memory
  std::filesystem::path json_file;                      // empty: none
  std::vector<std::string> rows;                        // empty: all
  std::vector<std::string> sides;                       // empty: all
  bool quick = false;
  std::uint32_t repetitions = 5;
  std::chrono::duration<double> warm_up{1.0};
  std::chrono::duration<double> window{5.0};
  std::uint64_t backlog_events = 1'000'000;
  std::uint64_t retained_events = 10'000'000;
  std::uint64_t rabbitmq_events = 200'000;
  std::uint32_t latency_requests = 10'000;
  std::chrono::seconds disk_wait{60};
};

// Parses the flags of main(). Throws BenchError with a usage text for what it does not know.
Settings parse_settings(int argc, char** argv);

// Throws BenchError unless every name of `wanted` is among `known`.
void check_names(const std::vector<std::string>& wanted, const std::vector<std::string>& known,
                 const std::string& flag);

}  // namespace outboxd::bench
