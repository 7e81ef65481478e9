// Row relay: backlogged events per second until the last is durable at the broker.
#pragma once

#include <vector>

#include "tests/bench/sides.h"

namespace outboxd::bench {

std::vector<Side> relay_sides();

}  // namespace outboxd::bench
