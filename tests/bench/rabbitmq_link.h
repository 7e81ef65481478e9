// One connection to RabbitMQ with one channel on it.
#pragma once

#include <cstdint>
#include <memory>

#include <amqp.h>

namespace outboxd::bench {

// The durable queue of every row.
inline constexpr const char* kRabbitmqQueue = "orders";

// Throws BenchError if there is no server, and declares the queue.
class RabbitmqLink {
 public:
  static constexpr amqp_channel_t kChannel = 1;

  explicit RabbitmqLink(std::uint16_t port);

  amqp_connection_state_t get() const { return connection_.get(); }

  // Throws BenchError unless the server has agreed to the last call, `what`.
  void check_last(const char* what);

 private:
  struct Destroy {
    void operator()(amqp_connection_state_t connection) const {
      ::amqp_destroy_connection(connection);
    }
  };

  std::unique_ptr<amqp_connection_state_t_, Destroy> connection_;
};

}  // namespace outboxd::bench
