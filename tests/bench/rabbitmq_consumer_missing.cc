// Stands in for rabbitmq_consumer.cc where the benchmark was built without one of its libraries.
#include "tests/bench/errors.h"
#include "tests/bench/rabbitmq_consumer.h"

namespace outboxd::bench {

LoadResult measure_rabbitmq_consumer(const Settings& /*settings*/, std::uint64_t /*events*/,
                                     std::uint32_t /*transactions*/) {
  throw NotInstalled("built without librabbitmq or libpq (librabbitmq-dev, libpq-dev)");
}

}  // namespace outboxd::bench
