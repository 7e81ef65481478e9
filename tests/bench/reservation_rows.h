// Row `reservation`: seats paid with points, from many wallets and from one.
#pragma once

#include <vector>

#include "tests/bench/sides.h"

namespace outboxd::bench {

std::vector<Side> reservation_sides();

}  // namespace outboxd::bench
