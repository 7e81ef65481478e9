#include "broker/groups/ahead_lane.h"

#include <algorithm>
#include <bit>

#include "domain/check.h"

namespace outboxd::broker {
namespace {

// With two bits a key, sixteen bits for each event of the backlog let 1.4 % of other keys wait.
constexpr std::size_t kBitsPerEvent = 16;
// 8 MiB, where a backlog of four million events is as exact as that, and one of ten million lets
// 7 % of other keys wait.
constexpr std::size_t kMaxBits = std::size_t{1} << 26;
constexpr std::size_t kMinBits = std::size_t{1} << 16;

std::size_t filter_bits(Offset events) {
  if (events >= kMaxBits / kBitsPerEvent) return kMaxBits;
  return std::max(kMinBits, std::bit_ceil(static_cast<std::size_t>(events) * kBitsPerEvent));
}

}  // namespace

AheadLane::AheadLane(Offset from, Offset split)
    : split_(split), scan_next_(from), next_(split), keys_(filter_bits(split - from)) {
  OUTBOXD_CHECK(from <= split);
}

// The key is a hash already: its halves are two independent ones.
std::pair<std::size_t, std::size_t> AheadLane::bits_of(std::uint64_t key) const {
  const std::size_t mask = keys_.size() - 1;
  return {static_cast<std::size_t>(key) & mask,
          static_cast<std::size_t>(key >> 32 | key << 32) & mask};
}

void AheadLane::scanned(Offset offset, std::uint64_t key) {
  OUTBOXD_CHECK(offset >= scan_next_ && offset < split_);
  scan_next_ = offset + 1;
  const auto [first, second] = bits_of(key);
  keys_[first] = true;
  keys_[second] = true;
}

bool AheadLane::waits(std::uint64_t key) const {
  OUTBOXD_CHECK(!scanning());
  const auto [first, second] = bits_of(key);
  return keys_[first] && keys_[second];
}

void AheadLane::push(Offset offset, ProducerIndex producer, domain::Seq seq, Fate fate) {
  OUTBOXD_CHECK(offset >= next_);
  next_ = offset + 1;
  slots_.push_back({offset, seq, producer, fate});
}

AheadLane::Slot* AheadLane::find(Offset offset) {
  const auto slot = std::lower_bound(slots_.begin(), slots_.end(), offset,
                                     [](const Slot& s, Offset o) { return s.offset < o; });
  return slot == slots_.end() || slot->offset != offset ? nullptr : &*slot;
}

void AheadLane::set(Offset offset, Fate fate) {
  Slot* slot = find(offset);
  if (slot == nullptr || slot->fate == Fate::kResolved || slot->fate == Fate::kMarked) return;
  slot->fate = fate;
  if (fate == Fate::kResolved) resolved_.push_back(offset);
}

AheadLane::Fate AheadLane::take_over(Offset offset) {
  while (!slots_.empty() && slots_.front().offset < offset) slots_.pop_front();
  if (slots_.empty() || slots_.front().offset != offset) return Fate::kSkipped;
  const Fate fate = slots_.front().fate;
  slots_.pop_front();
  return fate;
}

std::vector<Offset> AheadLane::take_marks() {
  std::vector<Offset> marks;
  for (const Offset offset : std::exchange(resolved_, {})) {
    Slot* slot = find(offset);
    if (slot == nullptr) continue;  // the group's window has it now, and sees to its mark
    slot->fate = Fate::kMarked;
    marks.push_back(offset);
  }
  return marks;
}

void AheadLane::add_completed(ProducerIndex producer, SeqRanges& ranges) const {
  for (const Slot& slot : slots_) {
    if (slot.producer == producer && slot.fate == Fate::kMarked) ranges.add(slot.seq, slot.seq);
  }
}

}  // namespace outboxd::broker
