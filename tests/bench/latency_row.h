// Row latency: the median round trip of one client.
#pragma once

#include <vector>

#include "tests/bench/sides.h"

namespace outboxd::bench {

std::vector<Side> latency_sides();

}  // namespace outboxd::bench
