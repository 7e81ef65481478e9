// Relay sessions and the broker's sessions in one process, with a network, clocks, disks and
// crashes that all come from one seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/transport/link/simulated_groups.h"
#include "transport/link/broker_session.h"
#include "transport/link/relay_session.h"

namespace outboxd::transport {

// How often things go wrong. Each is a probability per frame or per step.
struct Faults {
  double lose_frame = 0;
  double repeat_frame = 0;
  double delay_frame = 0;  // frames overtake each other
  double garble_frame = 0;
  double cut_connection = 0;
  double partition = 0;  // frames vanish for a while, and nobody is told
  double crash_daemon = 0;
  double twin_daemon = 0;  // a second process starts while the first one lives
  double copy_daemon = 0;  // and one on a copy of its data directory: with the same epoch
  double crash_broker = 0;
};

// One schedule. Invariants are checked after every step, as GoogleTest expectations:
// the broker's log is gapless, in order and equal to the outbox (G3, G7); nothing is acknowledged
// that is not durable there (G6); what is not in the log was refused, and the daemon knows; nobody
// is welcomed whose epoch is not durable (G12); jobs that the broker hands out are acknowledged by
// who did them, within credit and session; what is kept in memory is bounded. At the end the faults
// stop, and everything must arrive and every job be done.
class Simulation {
 public:
  explicit Simulation(std::uint64_t seed);
  ~Simulation();

  void run();

  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] std::uint64_t events_delivered() const;
  [[nodiscard]] const SimulatedGroups& groups() const { return *groups_; }
  [[nodiscard]] const BrokerCounters& counters() const { return counters_; }

 private:
  struct Daemon;
  struct Box;
  class Disk;
  class Rules;

  struct Travelling {
    std::int64_t due_ms;
    std::string peer;
    std::string frame;
    bool to_broker;
  };

  void step();
  void misbehave();
  void write_events(Box& box);
  void start_daemon(Box& box);
  void start_copy(Box& box);
  void end_copies();
  void work(Daemon& daemon);
  void start_broker();
  void connect(Daemon& daemon);
  void cut(Daemon& daemon);
  void pump(Daemon& daemon);
  void post(std::string peer, std::string frame, bool to_broker);
  void deliver_due();
  void check_memory();
  void check_arrived();
  [[nodiscard]] bool has_arrived() const;

  bool chance(double probability);
  std::uint64_t below(std::uint64_t bound);

  std::mt19937_64 random_;
  Faults faults_;
  std::int64_t now_ms_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t last_peer_ = 0;
  std::uint64_t last_instance_ = 0;
  std::int64_t partition_ends_ms_ = 0;
  std::vector<Travelling> network_;
  std::vector<std::unique_ptr<Box>> boxes_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Rules> rules_;
  std::unique_ptr<SimulatedGroups> groups_;
  std::unique_ptr<BrokerSessions> broker_;
  BrokerCounters counters_;  // of all the broker's lives
};

}  // namespace outboxd::transport
