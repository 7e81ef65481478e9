// Row commit: transactions per second, each acknowledged after it is on the disk.
#pragma once

#include <vector>

#include "tests/bench/sides.h"

namespace outboxd::bench {

std::vector<Side> commit_sides();

}  // namespace outboxd::bench
