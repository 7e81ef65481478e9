// Rows payments, consume and settle: orders, the broker and payments in three processes.
#pragma once

#include <vector>

#include "tests/bench/sides.h"

namespace outboxd::bench {

std::vector<Side> payment_sides();

}  // namespace outboxd::bench
