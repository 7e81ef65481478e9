// Reads the whole outbox once after a start, so that damage is found before it is needed.
#pragma once

#include <cstddef>

#include "domain/store.h"

namespace outboxd::daemon {

// In pieces, one a second or so, because it must cost nobody anything. One thread at a time, not
// the core thread; `reader` outlives it and does with errors what is to be done.
class OutboxCheck {
 public:
  struct Piece {
    std::size_t entries = 20'000;
    std::size_t bytes = 8 << 20;
  };

  // `last`: the newest event when the daemon started. What comes later was written by us.
  OutboxCheck(domain::DurableReader& reader, domain::Seq last, Piece piece)
      : reader_(reader), last_(last), piece_(piece) {}
  OutboxCheck(domain::DurableReader& reader, domain::Seq last)
      : OutboxCheck(reader, last, Piece{}) {}

  // Reads the next piece. False when everything was read, or reading failed.
  bool step();

 private:
  domain::DurableReader& reader_;
  const domain::Seq last_;
  const Piece piece_;
  domain::Seq next_ = 1;
};

}  // namespace outboxd::daemon
