// Orders at a fixed rate, and how long each takes to be paid.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace outboxd::bench {

// Creates an order every 1/`per_second` s for `duration` on the daemon at `socket`, whether or not
// earlier ones are answered, and follows its events. Returns the nanoseconds from each order's
// reply to the durable event that says it is paid, without those of the first tenth. Throws
// BenchError when an order is not paid within a minute.
std::vector<std::uint64_t> measure_offered(const std::filesystem::path& socket, double per_second,
                                           std::chrono::duration<double> duration);

}  // namespace outboxd::bench
