// The consuming side as it is usually built: RabbitMQ in front of PostgreSQL.
#pragma once

#include <cstdint>

#include "tests/bench/load_loop.h"
#include "tests/bench/settings.h"

namespace outboxd::bench {

// From the start of consuming until each of `events` waiting events has its committed payment and
// its acknowledgement is sent; `transactions` of them are on their way at a time.
LoadResult measure_rabbitmq_consumer(const Settings& settings, std::uint64_t events,
                                     std::uint32_t transactions);

}  // namespace outboxd::bench
