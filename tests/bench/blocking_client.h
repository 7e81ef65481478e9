// One client with one request at a time: the latency row.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/bench/load_loop.h"
#include "tests/bench/sockets.h"

namespace outboxd::bench {

// Sends `requests` requests on a blocking socket after a tenth as many to warm up, and returns the
// nanoseconds from each send to its whole reply.
std::vector<std::uint64_t> measure_round_trips(UniqueFd socket, LoadProtocol& protocol,
                                               std::uint32_t requests);

}  // namespace outboxd::bench
