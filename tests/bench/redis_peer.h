// Redis with an append-only file that is synced before every reply.
#pragma once

#include <cstdint>

#include "tests/bench/load_loop.h"
#include "tests/bench/settings.h"

namespace outboxd::bench {

// Transactions per second: one script call does SET of the order and XADD of its event.
LoadResult measure_redis(const Settings& settings, std::uint32_t connections,
                         std::uint32_t in_flight);

}  // namespace outboxd::bench
