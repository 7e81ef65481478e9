// The port to what operators do with the store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "domain/clock.h"
#include "domain/result.h"

namespace outboxd::daemon {

struct StoreFigures {
  std::uint64_t disk_bytes = 0;
  domain::TimestampMs oldest_pending_time_ms = 0;  // 0: nothing is pending
};

// What a verification found, by name ("orders": 12), and what is wrong.
struct VerifyOutcome {
  std::vector<std::pair<std::string, std::uint64_t>> counted;
  std::vector<std::string> problems;
  std::vector<std::string> damages;  // those of them that say that something cannot be read
};

// figures() on any thread; the others block and run on the background thread.
class Maintenance {
 public:
  virtual ~Maintenance() = default;

  virtual domain::Result<StoreFigures> figures() = 0;
  virtual domain::Result<VerifyOutcome> verify() = 0;
  virtual domain::Status compact() = 0;
  virtual domain::Status collect() = 0;

  // Tables are damaged, and nothing is rewritten in the background any more.
  virtual domain::Status stop_compacting() = 0;
};

}  // namespace outboxd::daemon
