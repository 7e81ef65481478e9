#include "broker/groups/offset_window.h"

#include <algorithm>
#include <unordered_map>

#include "domain/check.h"

namespace outboxd::broker {

void OffsetWindow::push(Offset offset, ProducerIndex producer, domain::Seq seq, Fate fate) {
  OUTBOXD_CHECK(offset >= next_);
  slots_.push_back({offset, seq, producer, fate});
  next_ = offset + 1;
  if (fate == Fate::kResolved) resolved_.push_back(offset);
}

void OffsetWindow::set(Offset offset, Fate fate) {
  const auto slot = std::lower_bound(slots_.begin(), slots_.end(), offset,
                                     [](const Slot& s, Offset o) { return s.offset < o; });
  if (slot == slots_.end() || slot->offset != offset) return;
  slot->fate = fate;
  if (fate == Fate::kResolved) resolved_.push_back(offset);
}

OffsetWindow::Progress OffsetWindow::take() {
  Progress progress;
  std::unordered_map<ProducerIndex, domain::Seq> passed;
  while (!slots_.empty() && slots_.front().fate != Fate::kOpen) {
    const Slot& slot = slots_.front();
    if (slot.fate == Fate::kMarked) progress.undone.push_back(slot.offset);
    passed[slot.producer] = slot.seq;
    slots_.pop_front();
  }
  const Offset cursor = slots_.empty() ? next_ : slots_.front().offset;
  progress.moved = cursor != cursor_;
  cursor_ = cursor;
  progress.cursor = cursor;
  progress.passed.assign(passed.begin(), passed.end());
  for (const Offset offset : resolved_) {
    if (offset < cursor) continue;
    const auto slot = std::lower_bound(slots_.begin(), slots_.end(), offset,
                                       [](const Slot& s, Offset o) { return s.offset < o; });
    slot->fate = Fate::kMarked;
    progress.done.push_back(offset);
  }
  resolved_.clear();
  return progress;
}

}  // namespace outboxd::broker
