#include "daemon/seq_ranges.h"

#include <algorithm>
#include <iterator>

#include "domain/check.h"

namespace outboxd::daemon {

using domain::Seq;

void SeqRanges::add(SeqRange range) {
  auto [first, last] = range;
  OUTBOXD_CHECK(first <= last);
  auto next = last_by_first_.upper_bound(first);
  if (next != last_by_first_.begin()) {
    const auto before = std::prev(next);
    if (before->second + 1 >= first) {
      first = before->first;
      last = std::max(last, before->second);
      next = last_by_first_.erase(before);
    }
  }
  while (next != last_by_first_.end() && next->first <= last + 1) {
    last = std::max(last, next->second);
    next = last_by_first_.erase(next);
  }
  last_by_first_.emplace_hint(next, first, last);
  if (last_by_first_.size() > max_ranges_) last_by_first_.erase(std::prev(last_by_first_.end()));
}

bool SeqRanges::contains(Seq seq) const {
  const auto next = last_by_first_.upper_bound(seq);
  return next != last_by_first_.begin() && std::prev(next)->second >= seq;
}

void SeqRanges::drop_through(Seq seq) {
  while (!last_by_first_.empty() && last_by_first_.begin()->first <= seq) {
    const Seq last = last_by_first_.begin()->second;
    last_by_first_.erase(last_by_first_.begin());
    if (last > seq) {
      last_by_first_.emplace_hint(last_by_first_.begin(), seq + 1, last);
      return;
    }
  }
}

}  // namespace outboxd::daemon
