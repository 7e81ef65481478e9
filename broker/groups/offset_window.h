// What a group has read and its cursor has not passed yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "broker/engine.h"
#include "broker/groups/producer_names.h"

namespace outboxd::broker {

// The offsets from the cursor to the last one that was read, each with its fate. The cursor stands
// at the first that is open; what is resolved behind it needs a mark on the disk, so that it is not
// delivered again after a restart.
class OffsetWindow {
 public:
  explicit OffsetWindow(Offset cursor = 1) : cursor_(cursor), next_(cursor) {}

  // What the disk has to learn since the last take().
  struct Progress {
    Offset cursor = 1;
    bool moved = false;
    std::vector<std::pair<ProducerIndex, domain::Seq>> passed;  // last of each, below the cursor
    std::vector<Offset> done;                                   // new marks
    std::vector<Offset> undone;                                 // marks below the cursor

    [[nodiscard]] bool empty() const { return !moved && done.empty(); }
  };

  enum class Fate : std::uint8_t {
    kOpen,
    kDeferred,  // the deferred table keeps it; the cursor may pass
    kResolved,  // not marked yet
    kMarked,    // resolved, and its mark is on the disk or on its way there
  };

  // The next event that was read. Offsets rise; those that are left out hold no event.
  void push(Offset offset, ProducerIndex producer, domain::Seq seq, Fate fate);

  // Changes the fate of `offset`. Nothing happens when the cursor has passed it.
  void defer(Offset offset) { set(offset, Fate::kDeferred); }
  void resolve(Offset offset) { set(offset, Fate::kResolved); }

  // Moves the cursor as far as it can go.
  Progress take();

  [[nodiscard]] Offset cursor() const { return cursor_; }
  [[nodiscard]] Offset next() const { return next_; }  // behind the last one that was read
  [[nodiscard]] std::size_t size() const { return slots_.size(); }

 private:
  struct Slot {
    Offset offset;
    domain::Seq seq;
    ProducerIndex producer;
    Fate fate;
  };

  void set(Offset offset, Fate fate);

  std::deque<Slot> slots_;
  Offset cursor_;
  Offset next_;
  std::vector<Offset> resolved_;  // since the last take()
};

}  // namespace outboxd::broker
