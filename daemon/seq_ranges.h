// A set of sequence numbers, kept as ranges.
#pragma once

#include <cstddef>
#include <map>

#include "domain/ids.h"
#include "transport/link/frames.h"

namespace outboxd::daemon {

using transport::SeqRange;

// Bounded: past `max_ranges` the highest numbers are forgotten. Not thread-safe.
class SeqRanges {
 public:
  explicit SeqRanges(std::size_t max_ranges) : max_ranges_(max_ranges) {}

  // Adds a range, merging what touches.
  void add(SeqRange range);

  [[nodiscard]] bool contains(domain::Seq seq) const;

  // Forgets everything up to and including `seq`.
  void drop_through(domain::Seq seq);

  [[nodiscard]] std::size_t size() const { return last_by_first_.size(); }

 private:
  const std::size_t max_ranges_;
  std::map<domain::Seq, domain::Seq> last_by_first_;  // disjoint, and never touching
};

}  // namespace outboxd::daemon
