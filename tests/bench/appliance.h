// outboxd and outbox-broker on one machine, as the benchmark starts them.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/child_process.h"
#include "tests/bench/load_loop.h"
#include "tests/bench/rpc_client.h"
#include "tests/bench/settings.h"
#include "tests/bench/temp_dir.h"

namespace outboxd::bench {

// What the rows of a run have in common.
struct RunContext {
  const Settings& settings;
  // The highest resident set of any daemon of this run: the memory row.
  std::uint64_t daemon_peak_rss_bytes = 0;
};

// One data directory for a daemon and one for a broker, and the processes on them. The daemon is
// always told a broker's address; whether somebody answers there is up to start_broker().
class Appliance {
 public:
  explicit Appliance(RunContext& context);
  Appliance(const Appliance&) = delete;
  Appliance& operator=(const Appliance&) = delete;
  ~Appliance();

  // Starts the daemon and returns the time until it answers `daemon.status`.
  std::chrono::duration<double> start_daemon(const std::string& modules = "orders");
  // `configuration`: what of the broker's is not as by default, as TOML.
  void start_broker(const std::string& configuration = "");
  // A second daemon, of another box, with the payments module and the simulated gateway.
  void start_payments();

  // What a power cut is to the process: SIGKILL.
  void kill_daemon();

  // Load of 64 connections, as the commit rows have it.
  LoadResult commit_for(std::uint32_t in_flight);
  // Creates `count` orders as fast as it goes.
  LoadResult commit_count(std::uint64_t count);
  // `count` requests of `protocol` with the numbers from `first` on, as fast as they are answered,
  // over 64 connections.
  LoadResult call(LoadProtocol& protocol, std::uint32_t in_flight, std::uint64_t first,
                  std::uint64_t count);
  // One client, one request at a time; nanoseconds each.
  std::vector<std::uint64_t> round_trips();

  // The daemon's highest sequence number so far.
  std::uint64_t last_seq();
  // Waits until the broker lists this producer as connected, and until it has `seq` durably.
  void wait_until_connected();
  void wait_until_broker_has(std::uint64_t seq);
  // Waits until the daemon has event `seq` durably, and until there are that many payments.
  void wait_until_last_seq(std::uint64_t seq);
  void wait_until_paid(std::uint64_t payments);
  // Waits until so many events of the broker's group wait for another attempt.
  void wait_until_retrying(std::string_view group, std::uint64_t events);
  // Waits until the daemon has no pending event.
  void wait_until_acknowledged();

  const std::filesystem::path& daemon_socket() const { return daemon_socket_; }
  std::uint64_t daemon_disk_bytes() const { return disk_bytes(daemon_data_); }
  MemoryUse broker_memory() const { return broker_->memory(); }
  std::uint64_t orders() const { return next_number_ - 1; }

 private:
  void note_memory();
  std::vector<UniqueFd> connections() const;
  template <typename Measure>
  LoadResult load(std::uint32_t in_flight, const Measure& measure);

  RunContext& context_;
  TempDir home_;
  std::filesystem::path daemon_data_;
  std::filesystem::path broker_data_;
  std::filesystem::path daemon_socket_;
  std::filesystem::path broker_socket_;
  std::filesystem::path payments_socket_;
  std::string broker_address_;
  std::uint64_t next_number_ = 1;
  std::unique_ptr<ChildProcess> daemon_;
  std::unique_ptr<ChildProcess> broker_;
  std::unique_ptr<ChildProcess> payments_;
};

}  // namespace outboxd::bench
