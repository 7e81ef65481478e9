#include "broker/groups/seq_ranges.h"

#include <algorithm>

#include "domain/check.h"

namespace outboxd::broker {

SeqRanges SeqRanges::all_but(domain::Seq last, std::vector<domain::Seq> missing) {
  std::sort(missing.begin(), missing.end());
  SeqRanges result;
  domain::Seq next = 1;
  for (const domain::Seq seq : missing) {
    if (seq > last) break;
    if (seq > next) result.add(next, seq - 1);
    next = seq + 1;
  }
  if (next <= last) result.add(next, last);
  return result;
}

void SeqRanges::add(domain::Seq first, domain::Seq last) {
  OUTBOXD_CHECK(first > 0 && first <= last);
  // The first range that ends at or behind first - 1: whatever touches the new one begins there.
  auto begin = ranges_.end();
  if (!ranges_.empty() && ranges_.back().last + 1 >= first) {
    begin = std::lower_bound(
        ranges_.begin(), ranges_.end(), first,
        [](const transport::SeqRange& range, domain::Seq seq) { return range.last + 1 < seq; });
  }
  auto end = begin;
  while (end != ranges_.end() && end->first <= last + 1) {
    first = std::min(first, end->first);
    last = std::max(last, end->last);
    ++end;
  }
  if (begin == end) {
    ranges_.insert(begin, {first, last});
    return;
  }
  *begin = {first, last};
  ranges_.erase(begin + 1, end);
}

void SeqRanges::remove(domain::Seq first, domain::Seq last) {
  OUTBOXD_CHECK(first > 0 && first <= last);
  auto range = std::lower_bound(
      ranges_.begin(), ranges_.end(), first,
      [](const transport::SeqRange& candidate, domain::Seq seq) { return candidate.last < seq; });
  while (range != ranges_.end() && range->first <= last) {
    const transport::SeqRange old = *range;
    range = ranges_.erase(range);
    if (old.last > last) range = ranges_.insert(range, {last + 1, old.last});
    if (old.first < first) range = ranges_.insert(range, {old.first, first - 1}) + 1;
  }
}

bool SeqRanges::contains(domain::Seq seq) const {
  const auto range = std::lower_bound(
      ranges_.begin(), ranges_.end(), seq,
      [](const transport::SeqRange& candidate, domain::Seq s) { return candidate.last < s; });
  return range != ranges_.end() && range->first <= seq;
}

}  // namespace outboxd::broker
