// Fresh events of a topic that overtake a group's backlog.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "broker/engine.h"
#include "broker/groups/producer_names.h"
#include "broker/groups/seq_ranges.h"

namespace outboxd::broker {

// After a long outage a group reads its topic at two places: where its cursor is, and from the
// `split`, the end of the topic when the lane was made. What is read ahead may be handed out unless
// its key occurs in the backlog between the two, which has to come first (G7). Which keys those are
// is found by reading the backlog once, before the first event is read ahead, into a filter that
// may say "yes" for a key that is not there, and never "no" for one that is: such an event merely
// waits for its place in the order.
//
// When the group's window comes to the split, it takes over what the lane knows of each event.
//
// A value without I/O; the group owns and drives it.
class AheadLane {
 public:
  enum class Fate : std::uint8_t {
    kSkipped,   // its key is in the backlog, or may be: to be read again in its place
    kOpen,      // with the group
    kDeferred,  // in the deferred table
    kResolved,  // not marked yet
    kMarked,    // resolved, and its mark is on the disk or on its way there
  };

  // The backlog is [`from`, `split`).
  AheadLane(Offset from, Offset split);

  // The backlog has an event of this key. Up to the split, in order.
  void scanned(Offset offset, std::uint64_t key);
  void finish_scan() { scan_next_ = split_; }
  [[nodiscard]] bool scanning() const { return scan_next_ < split_; }
  [[nodiscard]] Offset scan_next() const { return scan_next_; }

  // Whether an event of this key has to wait for its place. After the scan.
  [[nodiscard]] bool waits(std::uint64_t key) const;

  // The next event that was read ahead.
  void push(Offset offset, ProducerIndex producer, domain::Seq seq, Fate fate);

  [[nodiscard]] Offset split() const { return split_; }
  [[nodiscard]] Offset next() const { return next_; }  // behind the last one that was read ahead
  [[nodiscard]] std::size_t size() const { return slots_.size(); }

  void defer(Offset offset) { set(offset, Fate::kDeferred); }
  void resolve(Offset offset) { set(offset, Fate::kResolved); }

  // The group's window has come to `offset`: what became of that event. kSkipped when it was not
  // read ahead. Offsets rise.
  Fate take_over(Offset offset);

  // Offsets that are resolved and need a mark, since the last call.
  std::vector<Offset> take_marks();

  // Adds the events of `producer` that are resolved and marked.
  void add_completed(ProducerIndex producer, SeqRanges& ranges) const;

 private:
  struct Slot {
    Offset offset;
    domain::Seq seq;
    ProducerIndex producer;
    Fate fate;
  };

  void set(Offset offset, Fate fate);
  [[nodiscard]] Slot* find(Offset offset);
  [[nodiscard]] std::pair<std::size_t, std::size_t> bits_of(std::uint64_t key) const;

  const Offset split_;
  Offset scan_next_;
  Offset next_;
  std::vector<bool> keys_;  // a Bloom filter of the backlog's keys
  std::deque<Slot> slots_;
  std::vector<Offset> resolved_;  // since the last take_marks()
};

}  // namespace outboxd::broker
