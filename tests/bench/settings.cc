#include "tests/bench/settings.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string_view>

#include "tests/bench/errors.h"
#include "tests/bench/temp_dir.h"

namespace outboxd::bench {
namespace {

constexpr const char* kUsage =
    "usage: outboxd-bench [--rows R,...] [--sides S,...] [--quick] [--repetitions N]\n"
    "                     [--bin-dir DIR] [--work-dir DIR] [--json FILE]\n"
    "  --rows         commit, latency, relay, payments, consume, reservation, backlog, start,\n"
    "                 disk, memory, broker_memory (default: all)\n"
    "  --sides        outboxd, redis, postgresql, rocksdb, rabbitmq, nats, ... (default: all)\n"
    "  --quick        shorter windows, a tenth of the events, fewer repetitions: a smoke test\n"
    "  --bin-dir      where outboxd and outbox-broker are (default: beside this program)\n"
    "  --work-dir     where the servers keep their data (default: /var/tmp); must be a disk\n"
    "  --json         writes every repetition and the medians as Google Benchmark does\n";

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> names;
  std::stringstream stream(list);
  for (std::string name; std::getline(stream, name, ',');) names.push_back(name);
  return names;
}

std::uint32_t positive_number(const std::string& text, const std::string& flag) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == 0) {
    throw BenchError(flag + " wants a number from 1\n" + kUsage);
  }
  return number;
}

void make_quick(Settings& settings) {
  settings.quick = true;
  settings.repetitions = 3;
  settings.warm_up = std::chrono::duration<double>(0.5);
  settings.window = std::chrono::duration<double>(1.5);
  settings.backlog_events = 100'000;
  settings.retained_events = 1'000'000;
  settings.rabbitmq_events = 40'000;
  settings.latency_requests = 2'000;
  settings.disk_wait = std::chrono::seconds(20);
}

}  // namespace

Settings parse_settings(int argc, char** argv) {
  Settings settings;
  settings.bin_dir = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  // --quick first, so that --repetitions overrides it wherever it stands.
  if (std::find(arguments.begin(), arguments.end(), "--quick") != arguments.end()) {
    make_quick(settings);
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& flag = arguments[i];
    if (flag == "--quick") continue;
    if (i + 1 == arguments.size())
      throw BenchError("unknown or incomplete " + flag + "\n" + kUsage);
    const std::string& value = arguments[++i];
    if (flag == "--rows") {
      settings.rows = split(value);
    } else if (flag == "--sides") {
      settings.sides = split(value);
    } else if (flag == "--repetitions") {
      settings.repetitions = positive_number(value, flag);
    } else if (flag == "--bin-dir") {
      settings.bin_dir = value;
    } else if (flag == "--work-dir") {
      settings.work_dir = value;
    } else if (flag == "--json") {
      settings.json_file = value;
    } else {
      throw BenchError("unknown flag " + flag + "\n" + kUsage);
    }
  }
  if (is_memory_backed(settings.work_dir)) {
    throw BenchError(settings.work_dir.string() + " is in memory; name a disk with --work-dir");
  }
  return settings;
}

void check_names(const std::vector<std::string>& wanted, const std::vector<std::string>& known,
                 const std::string& flag) {
  for (const std::string& name : wanted) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw BenchError(std::string(flag).append(": there is no ").append(name) + "\n" + kUsage);
    }
  }
}

}  // namespace outboxd::bench
