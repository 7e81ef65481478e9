// Stands in for rabbitmq_peer.cc where the benchmark was built without librabbitmq.
#include "tests/bench/errors.h"
#include "tests/bench/rabbitmq_peer.h"

namespace outboxd::bench {

LoadResult measure_rabbitmq(const Settings& /*settings*/) {
  throw NotInstalled("built without librabbitmq (Debian package librabbitmq-dev)");
}

}  // namespace outboxd::bench
