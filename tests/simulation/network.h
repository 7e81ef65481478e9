// The simulated network between daemons and broker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/faults.h"
#include "tests/simulation/random.h"

namespace outboxd::simulation {

// Carries frames. A connection is known by its name at the broker; each daemon that connects gets
// one that nobody had before. What is lost, repeated, late or cut comes from the faults.
class Network {
 public:
  struct Arrival {
    std::int64_t due_ms = 0;
    std::string peer;
    std::string frame;
    bool to_broker = false;
    bool is_misled = false;  // its connection leads to another broker
  };

  // Both must outlive it.
  Network(Random& random, const Faults& faults) : random_(random), faults_(faults) {}

  // A new connection's name. One that may be misled can lead to another broker.
  std::string connect(bool may_be_misled = false);
  [[nodiscard]] bool is_misled(std::string_view peer) const;
  // Its frames on their way are lost.
  void cut(const std::string& peer);

  void send_to_broker(const std::string& peer, std::string frame, std::int64_t now_ms) {
    post(peer, std::move(frame), true, now_ms);
  }
  // False when there is no such connection (any more).
  bool send_to_daemon(std::string_view peer, std::string frame, std::int64_t now_ms);

  // For a while all frames vanish.
  void partition(std::int64_t until_ms) { partition_ends_ms_ = until_ms; }
  void heal();

  // Takes what has arrived by `now_ms`, in the order of arrival.
  std::vector<Arrival> arrived(std::int64_t now_ms);

  [[nodiscard]] bool is_quiet() const { return travelling_.empty(); }
  [[nodiscard]] std::int64_t next_arrival_ms() const;

 private:
  void post(const std::string& peer, std::string frame, bool to_broker, std::int64_t now_ms);

  struct Connection {
    bool is_misled = false;
    std::int64_t latency_ms = 1;
    std::int64_t last_to_broker_ms = 0;  // frames that are not delayed keep their order
    std::int64_t last_to_daemon_ms = 0;
  };

  Random& random_;
  const Faults& faults_;
  std::map<std::string, Connection, std::less<>> connections_;
  std::uint64_t last_connection_ = 0;
  std::int64_t partition_ends_ms_ = 0;
  std::vector<Arrival> travelling_;
};

}  // namespace outboxd::simulation
