// PostgreSQL with a transactional outbox: an order row and an outbox row in one transaction.
#pragma once

#include <cstdint>

#include "tests/bench/load_loop.h"
#include "tests/bench/settings.h"

namespace outboxd::bench {

// Transactions per second with `clients` connections, one transaction in flight on each.
LoadResult measure_postgres(const Settings& settings, std::uint32_t clients);

}  // namespace outboxd::bench
