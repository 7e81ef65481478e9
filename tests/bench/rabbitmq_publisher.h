// Persistent events into RabbitMQ's queue, confirmed.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/bench/rabbitmq_link.h"
#include "tests/bench/sample_order.h"

namespace outboxd::bench {

class RabbitmqPublisher {
 public:
  // Throws BenchError if there is no server.
  explicit RabbitmqPublisher(std::uint16_t port);

  // Returns when events 1 to `count` are confirmed, of which at most 1,000 wait for it at a time.
  // Once.
  void publish(std::uint64_t count);

 private:
  void publish_one();
  void wait_for_confirm();
  void confirm(std::uint64_t tag);

  RabbitmqLink link_;
  NumberedText event_{sample_event()};
  std::uint64_t published_ = 0;
  std::uint64_t confirmed_ = 0;
  std::uint64_t all_confirmed_below_ = 1;  // tags start at 1
  std::vector<bool> is_confirmed_;
};

}  // namespace outboxd::bench
