// A local application that cannot process what it is given.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace outboxd::bench {

// Subscribes to `topic` as `group` at the daemon behind `socket`, and rejects `count` deliveries
// with the outcome `retry`. Returns when the daemon has taken every rejection. Throws BenchError
// when one is refused, or when no delivery comes for a minute.
void retry_deliveries(const std::filesystem::path& socket, const std::string& topic,
                      const std::string& group, std::uint64_t count);

}  // namespace outboxd::bench
