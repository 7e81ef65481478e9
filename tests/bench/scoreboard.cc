#include "tests/bench/scoreboard.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "tests/bench/errors.h"

namespace outboxd::bench {
namespace {

// One line of the table: a figure of ours against a figure of a peer, or against a constant.
struct Target {
  const char* what;
  const char* side;
  const char* counter;
  const char* peer;  // null: the limit is `factor` itself
  const char* peer_counter;
  const char* peer_label;
  double factor;
  bool at_least;
  const char* unit;
};

constexpr std::array kTargets{
    Target{"commit, 64 clients, 1 in flight", "commit/64x1/outboxd", "per_second",
           "commit/64x1/redis", "per_second", "Redis", 2.0, true, "/s"},
    Target{"commit, 64 clients, 1 in flight", "commit/64x1/outboxd", "per_second",
           "commit/64x1/postgresql", "per_second", "PostgreSQL, 16 clients", 8.0, true, "/s"},
    Target{"commit, 64 clients, 16 in flight", "commit/64x16/outboxd", "per_second",
           "commit/64x16/redis", "per_second", "Redis, pipelined 16", 2.0, true, "/s"},
    Target{"commit, 64 clients, 16 in flight", "commit/64x16/outboxd", "per_second",
           "commit/64x16/rocksdb", "per_second", "bare RocksDB loop", 0.75, true, "/s"},
    Target{"commit, 1 client, p50", "latency/outboxd", "p50_us", "latency/rocksdb", "p50_us",
           "RocksDB write + echo", 1.3, false, " us"},
    Target{"relay of the backlog", "relay/outboxd", "per_second", "relay/rabbitmq", "per_second",
           "RabbitMQ, confirms", 4.0, true, "/s"},
    Target{"relay of the backlog", "relay/outboxd", "per_second", "relay/nats", "per_second",
           "NATS JetStream, file", 1.0, true, "/s"},
    Target{"commit with a backlog", "backlog/outboxd", "per_second", "backlog/without",
           "per_second", "without a backlog", 0.9, true, "/s"},
    Target{"order to PAID at 1,000/s, p50", "payments/offered/outboxd", "p50_ms", nullptr, nullptr,
           "", 5.0, false, " ms"},
    Target{"order to PAID at 1,000/s, p99", "payments/offered/outboxd", "p99_ms", nullptr, nullptr,
           "", 25.0, false, " ms"},
    Target{"orders to PAID, sustained", "payments/sustained/outboxd", "per_second", nullptr,
           nullptr, "", 10'000, true, "/s"},
    Target{"events consumed to payments", "consume/outboxd", "per_second", nullptr, nullptr, "",
           30'000, true, "/s"},
    Target{"events consumed to payments", "consume/outboxd", "per_second", "consume/rabbitmq",
           "per_second", "RabbitMQ + PostgreSQL", 3.0, true, "/s"},
    Target{"reservation.pay, many wallets", "reservation/distinct/outboxd", "per_second",
           "reservation/distinct/postgresql", "per_second", "PostgreSQL, 16 clients", 2.0, true,
           "/s"},
    Target{"reservation.pay, many wallets", "reservation/distinct/outboxd", "per_second",
           "reservation/distinct/order.create", "per_second", "order.create", 0.6, true, "/s"},
    Target{"reservation.pay, one wallet", "reservation/hot/outboxd", "per_second",
           "reservation/hot/postgresql", "per_second", "PostgreSQL, 2 clients", 10.0, true, "/s"},
    Target{"reservation.pay, one wallet", "reservation/hot/outboxd", "per_second",
           "reservation/distinct/outboxd", "per_second", "many wallets", 0.5, true, "/s"},
    Target{"start to ready with a backlog", "start/outboxd", "ready_s", nullptr, nullptr, "", 1.0,
           false, " s"},
    Target{"disk after acknowledgement", "disk/outboxd", "disk_mib", "disk/outboxd", "allowed_mib",
           "live state + 32 MiB", 1.0, false, " MiB"},
    Target{"memory of the daemon, peak RSS", "memory/outboxd", "peak_rss_mib", nullptr, nullptr, "",
           64.0, false, " MiB"},
    Target{"memory of the broker, peak RSS", "broker_memory/outboxd", "peak_rss_mib", nullptr,
           nullptr, "", 128.0, false, " MiB"},
};

std::string number(double value, const char* unit) {
  std::array<char, 64> text{};
  const char* const format = value >= 1000 ? "%.0f%s" : "%.3g%s";
  std::snprintf(text.data(), text.size(), format, value, unit);
  return text.data();
}

void print_line(const std::string& what, const std::string& ours, const std::string& peer,
                const std::string& peer_figure, const std::string& ratio, const std::string& target,
                const std::string& verdict) {
  std::printf("%-34s %-12s %-24s %-12s %-8s %-8s %s\n", what.c_str(), ours.c_str(), peer.c_str(),
              peer_figure.c_str(), ratio.c_str(), target.c_str(), verdict.c_str());
}

}  // namespace

Scoreboard::Scoreboard(const std::string& json_file) {
  if (json_file.empty()) return;
  json_stream_.open(json_file);
  if (!json_stream_) throw BenchError("cannot write " + json_file);
  json_.emplace();
  json_->SetOutputStream(&json_stream_);
  json_->SetErrorStream(&json_stream_);
}

bool Scoreboard::ReportContext(const Context& context) {
  // Google Benchmark reports one for every row; a document has one.
  if (json_ && !json_has_context_) json_->ReportContext(context);
  json_has_context_ = true;
  return true;
}

void Scoreboard::ReportRuns(const std::vector<Run>& runs) {
  if (json_) json_->ReportRuns(runs);
  for (const Run& run : runs) {
    if (run.run_type != Run::RT_Iteration) continue;
    const std::string& name = run.run_name.function_name;
    if (run.error_occurred) {
      const bool skipped = run.error_message.starts_with(kSkippedPrefix);
      if (!errors_.contains(name)) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(), run.error_message.c_str());
      }
      errors_[name] = skipped ? "skipped" : "failed";
      has_failures_ = has_failures_ || !skipped;
      continue;
    }
    for (const auto& [counter, value] : run.counters) values_[name][counter].push_back(value);
  }
}

void Scoreboard::finish() {
  if (json_ && json_has_context_) json_->Finalize();
  print_table();
  print_noise();
}

std::optional<double> Scoreboard::median(const std::string& side,
                                         const std::string& counter) const {
  const auto found = values_.find(side);
  if (errors_.contains(side) || found == values_.end()) return std::nullopt;
  std::vector<double> sorted = found->second.at(counter);
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  if (sorted.size() % 2 == 1) return sorted[middle];
  return (sorted[middle - 1] + sorted[middle]) / 2;
}

std::string Scoreboard::reason(const std::string& side) const {
  const auto found = errors_.find(side);
  return found == errors_.end() ? "not run" : found->second;
}

void Scoreboard::print_table() const {
  std::printf("\nMedians\n");
  print_line("what", "outboxd", "against", "peer", "ratio", "target", "");
  for (const Target& target : kTargets) {
    const bool has_peer = target.peer != nullptr;
    const auto ours = median(target.side, target.counter);
    const auto peer = has_peer ? median(target.peer, target.peer_counter) : std::nullopt;
    const bool was_run = ours || peer || errors_.contains(target.side);
    if (!was_run && !(has_peer && errors_.contains(target.peer))) continue;
    std::string ratio;
    std::string verdict;
    if (ours && (peer || !has_peer)) {
      const double value = has_peer ? *ours / *peer : *ours;
      ratio = has_peer ? number(value, "x") : "";
      verdict =
          (target.at_least ? value >= target.factor : value <= target.factor) ? "met" : "missed";
    }
    print_line(
        target.what, ours ? number(*ours, target.unit) : reason(target.side), target.peer_label,
        peer ? number(*peer, target.unit) : (has_peer ? reason(target.peer) : ""), ratio,
        (target.at_least ? ">= " : "<= ") + number(target.factor, has_peer ? "x" : target.unit),
        verdict);
  }
}

void Scoreboard::print_noise() const {
  constexpr double kNoticeableSpread = 0.25;
  for (const auto& [side, counters] : values_) {
    for (const char* counter : {"per_second", "p50_us", "ready_s"}) {
      const auto found = counters.find(counter);
      if (found == counters.end()) continue;
      const auto [low, high] = std::minmax_element(found->second.begin(), found->second.end());
      const double spread = (*high - *low) / median(side, counter).value_or(*high);
      if (spread < kNoticeableSpread) continue;
      std::printf("noisy: %s from %s to %s\n", side.c_str(), number(*low, "").c_str(),
                  number(*high, "").c_str());
    }
  }
}

}  // namespace outboxd::bench
