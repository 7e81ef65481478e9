// Finds where one MessagePack value ends, without decoding it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "transport/limits.h"

namespace outboxd::transport {

enum class ScanResult : std::uint8_t {
  kIncomplete,  // so far so good: more bytes are needed
  kComplete,    // size() bytes are one value
  kMalformed,   // a byte that MessagePack does not define
  kTooDeep,     // nested deeper than kMaxDepth
  kTooLarge,    // needs more bytes than allowed, however it goes on
};

// Scans one value that arrives in pieces. Each byte is looked at once, however small the pieces,
// and string contents are not looked at at all. A value that *claims* more than it may have is
// refused as soon as it says so: a header of five bytes for four billion entries costs nothing. Not
// thread-safe.
class Scanner {
 public:
  explicit Scanner(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // `bytes` is what has arrived of the value (and maybe of what follows it): what the last call
  // got, and more. After kMalformed, kTooDeep or kTooLarge the answer stays the same until reset().
  ScanResult scan(std::string_view bytes);

  // After kComplete: the size of the value. Otherwise: the least that it can still have.
  [[nodiscard]] std::size_t size() const {
    return progress_.position + static_cast<std::size_t>(progress_.values_to_come);
  }

  // Starts with the next value.
  void reset();

 private:
  struct Progress {
    std::size_t position = 0;  // of the next header; may lie beyond what has arrived
    std::uint64_t values_to_come = 1;
    std::size_t depth = 0;  // containers that are open
  };

  bool open(Progress& progress, std::uint64_t entries);
  void close_value(Progress& progress);

  const std::size_t max_bytes_;
  Progress progress_;
  std::array<std::uint64_t, kMaxDepth> entries_to_come_;  // of each open container
  ScanResult failure_ = ScanResult::kIncomplete;          // anything else is sticky
};

}  // namespace outboxd::transport
