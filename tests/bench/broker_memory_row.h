// Row `broker_memory`: what a broker holds in memory for very many events.
#pragma once

#include <vector>

#include "tests/bench/sides.h"

namespace outboxd::bench {

std::vector<Side> broker_memory_sides();

}  // namespace outboxd::bench
