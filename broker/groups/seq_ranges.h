// Sets of sequence numbers that are mostly runs.
#pragma once

#include <vector>

#include "domain/ids.h"
#include "transport/link/frames.h"

namespace outboxd::broker {

// Sorted, disjoint ranges that do not touch. Cheap when numbers come nearly in order.
class SeqRanges {
 public:
  // Everything from 1 to `last` but `missing`, which need not be sorted.
  static SeqRanges all_but(domain::Seq last, std::vector<domain::Seq> missing);

  // Adds first … last, both included; overlap is allowed.
  void add(domain::Seq first, domain::Seq last);

  // Takes first … last out; they need not be in.
  void remove(domain::Seq first, domain::Seq last);

  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] bool contains(domain::Seq seq) const;
  [[nodiscard]] const std::vector<transport::SeqRange>& ranges() const { return ranges_; }

 private:
  std::vector<transport::SeqRange> ranges_;
};

}  // namespace outboxd::broker
