#include "daemon/outbox_check.h"

namespace outboxd::daemon {

bool OutboxCheck::step() {
  if (next_ > last_) return false;
  std::size_t entries = 0;
  std::size_t bytes = 0;
  const domain::Status status =
      reader_.scan_positions(next_, [&](const domain::OutboxPosition& position) {
        next_ = position.seq + 1;
        if (position.entry != nullptr) bytes += position.entry->envelope.size();
        return next_ <= last_ && ++entries < piece_.entries && bytes < piece_.bytes;
      });
  // What was completed meanwhile is not there to be read.
  if (!status || entries == 0) next_ = last_ + 1;
  return next_ <= last_;
}

}  // namespace outboxd::daemon
