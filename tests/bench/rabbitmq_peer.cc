#include "tests/bench/rabbitmq_peer.h"

#include <chrono>

#include "tests/bench/rabbitmq_publisher.h"
#include "tests/bench/rabbitmq_server.h"

namespace outboxd::bench {

LoadResult measure_rabbitmq(const Settings& settings) {
  const RabbitmqServer server(settings);
  RabbitmqPublisher publisher(server.port());
  const auto begin = std::chrono::steady_clock::now();
  publisher.publish(settings.rabbitmq_events);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  return {settings.rabbitmq_events, elapsed.count()};
}

}  // namespace outboxd::bench
