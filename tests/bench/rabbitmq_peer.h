// RabbitMQ with publisher confirms.
#pragma once

#include "tests/bench/load_loop.h"
#include "tests/bench/settings.h"

namespace outboxd::bench {

// Persistent events per second into a durable queue, at most 1,000 of them unconfirmed.
LoadResult measure_rabbitmq(const Settings& settings);

}  // namespace outboxd::bench
