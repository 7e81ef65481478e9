// Stands in for the PostgreSQL sides where the benchmark was built without libpq.
#include "tests/bench/errors.h"
#include "tests/bench/postgres_peer.h"
#include "tests/bench/postgres_reservations.h"

namespace outboxd::bench {
namespace {

[[noreturn]] void refuse() {
  throw NotInstalled("built without libpq (Debian package libpq-dev)");
}

}  // namespace

LoadResult measure_postgres(const Settings& /*settings*/, std::uint32_t /*clients*/) {
  refuse();
}

LoadResult measure_postgres_reservations(const Settings& /*settings*/, Wallets /*wallets*/,
                                         std::uint32_t /*clients*/) {
  refuse();
}

}  // namespace outboxd::bench
