// Stands in for postgres_peer.cc where the benchmark was built without libpq.
#include "tests/bench/errors.h"
#include "tests/bench/postgres_peer.h"

namespace outboxd::bench {

LoadResult measure_postgres(const Settings& /*settings*/, std::uint32_t /*clients*/) {
  throw NotInstalled("built without libpq (Debian package libpq-dev)");
}

}  // namespace outboxd::bench
