// Rows backlog, start, disk and memory: a daemon whose broker is away, and then comes back.
#pragma once

#include <vector>

#include "tests/bench/sides.h"

namespace outboxd::bench {

std::vector<Side> outage_sides();

}  // namespace outboxd::bench
