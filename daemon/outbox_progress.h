// How far the outbox has come, and who waits for it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/ids.h"
#include "domain/result.h"
#include "transport/ipc/server.h"

namespace outboxd::daemon {

// What a caller of outbox.wait waits for.
enum class WaitLevel : std::uint8_t {
  kStored,     // durable on this box
  kDelivered,  // durable at the broker
  kConsumed,   // processed by the group that completes its topic
};

std::string_view name_of(WaitLevel level);
domain::Result<WaitLevel> parse_wait_level(std::string_view name);

struct OutboxWait {
  transport::ReplyAddress reply_to;
  domain::Seq seq = 0;
  WaitLevel level = WaitLevel::kStored;
};

// Watches two positions that only grow, and keeps the requests that wait for them, and those that
// wait for a consumer. No I/O and no clock of its own; core thread only.
class OutboxProgressWatch {
 public:
  OutboxProgressWatch(domain::Seq stored_seq, domain::Seq delivered_seq)
      : stored_seq_(stored_seq), delivered_seq_(delivered_seq) {}

  [[nodiscard]] domain::Seq stored_seq() const { return stored_seq_; }
  [[nodiscard]] domain::Seq delivered_seq() const { return delivered_seq_; }
  // Not for kConsumed, which OutboxCompletion knows.
  [[nodiscard]] bool has_reached(domain::Seq seq, WaitLevel level) const;

  // Moves a position forward (never back) and returns the waits that are over.
  [[nodiscard]] std::vector<OutboxWait> stored_through(domain::Seq seq);
  [[nodiscard]] std::vector<OutboxWait> delivered_through(domain::Seq seq);

  // The waits for consumption within [first, last] that are over, which `is_complete` says.
  [[nodiscard]] std::vector<OutboxWait> consumed_within(
      domain::Seq first, domain::Seq last, const std::function<bool(domain::Seq)>& is_complete);

  // Keeps `wait`, which has not been reached yet, until `deadline_ms` of the monotonic clock.
  void add(const OutboxWait& wait, std::int64_t deadline_ms);

  // Removes and returns the waits whose deadline has passed.
  [[nodiscard]] std::vector<OutboxWait> expire(std::int64_t now_ms);

  // Removes the waits of one connection, or of all.
  void forget(transport::ConnectionId connection);
  [[nodiscard]] std::vector<OutboxWait> take_all();

  [[nodiscard]] std::size_t waiting() const { return waits_.size(); }

 private:
  using WaitId = std::uint64_t;
  struct Kept {
    OutboxWait wait;
    std::int64_t deadline_ms;
  };

  std::vector<OutboxWait> take_reached(WaitLevel level, domain::Seq seq);
  OutboxWait take(WaitId id);
  std::set<std::pair<domain::Seq, WaitId>>& by_seq(WaitLevel level) {
    return waits_by_seq_[static_cast<std::size_t>(level)];
  }

  domain::Seq stored_seq_;
  domain::Seq delivered_seq_;
  WaitId next_id_ = 1;
  std::map<WaitId, Kept> waits_;
  std::array<std::set<std::pair<domain::Seq, WaitId>>, 3> waits_by_seq_;  // by level
  std::set<std::pair<std::int64_t, WaitId>> deadlines_;
};

}  // namespace outboxd::daemon
