// Two boxes, a broker and the network between them in one process, with clocks, disks, faults and
// crashes that all come from one seed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/box_store.h"
#include "tests/simulation/broker_process.h"
#include "tests/simulation/daemon_process.h"
#include "tests/simulation/stranger.h"
#include "tests/simulation/world.h"

namespace outboxd::simulation {

// What came of one schedule.
struct Outcome {
  std::optional<std::string> violation;  // of a guarantee, or what did not get done in the end
  std::uint64_t steps = 0;
  std::uint64_t events = 0;
};

// One schedule. The relay session, the broker's sessions, the consumer groups, the inbox and the
// outbox's completion are the product's own; what is around them is simulated. The witness checks
// G2, G3, G5 to G9, G11 and G12 at each step. At the end the faults stop, and everything must
// become final.
class Simulation {
 public:
  explicit Simulation(std::uint64_t seed, PlantedBug bug = PlantedBug::kNone);

  Outcome run();

 private:
  struct Box {
    BoxStore store;
    std::uint64_t epoch = 0;
    std::unique_ptr<DaemonProcess> process;  // nothing: it is down
    std::vector<std::unique_ptr<DaemonProcess>> hung;
    std::optional<BoxState> copy;  // of its store, at some time
  };

  void step();
  void misbehave();
  void stop_faults();
  void write_something(Box& box, std::size_t name);
  void start(std::size_t name);
  void crash(std::size_t name);
  void crash_broker();
  void copy_stores();
  void send_stranger(std::size_t name);
  void answer_as_wrong_broker(const Network::Arrival& arrival);
  void deliver();
  void pass_time();
  [[nodiscard]] bool is_busy() const;

  Random random_;
  Faults faults_;
  const broker::RetryPolicy policy_;
  WorldClock clock_;
  Network network_{random_, faults_};
  std::array<Box, kBoxNames.size()> boxes_;
  Witness witness_;
  World world_;
  std::unique_ptr<BrokerProcess> broker_;
  std::unique_ptr<Stranger> stranger_;  // one at a time
  transport::Document document_;        // scratch
  std::uint64_t steps_ = 0;
};

}  // namespace outboxd::simulation
