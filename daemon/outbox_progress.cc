#include "daemon/outbox_progress.h"

#include <algorithm>

#include "domain/check.h"

namespace outboxd::daemon {

std::string_view name_of(WaitLevel level) {
  switch (level) {
    case WaitLevel::kStored: return "stored";
    case WaitLevel::kDelivered: return "delivered";
    case WaitLevel::kConsumed: return "consumed";
  }
  OUTBOXD_CHECK(false);
}

domain::Result<WaitLevel> parse_wait_level(std::string_view name) {
  for (const WaitLevel level : {WaitLevel::kStored, WaitLevel::kDelivered, WaitLevel::kConsumed}) {
    if (name == name_of(level)) return level;
  }
  return domain::bad_request("level", "level must be stored, delivered or consumed");
}

bool OutboxProgressWatch::has_reached(domain::Seq seq, WaitLevel level) const {
  OUTBOXD_CHECK(level != WaitLevel::kConsumed);
  return seq <= (level == WaitLevel::kStored ? stored_seq_ : delivered_seq_);
}

std::vector<OutboxWait> OutboxProgressWatch::stored_through(domain::Seq seq) {
  stored_seq_ = std::max(stored_seq_, seq);
  return take_reached(WaitLevel::kStored, stored_seq_);
}

std::vector<OutboxWait> OutboxProgressWatch::delivered_through(domain::Seq seq) {
  delivered_seq_ = std::max(delivered_seq_, seq);
  return take_reached(WaitLevel::kDelivered, delivered_seq_);
}

std::vector<OutboxWait> OutboxProgressWatch::consumed_within(
    domain::Seq first, domain::Seq last, const std::function<bool(domain::Seq)>& is_complete) {
  std::vector<OutboxWait> reached;
  auto& waits = by_seq(WaitLevel::kConsumed);
  for (auto next = waits.lower_bound({first, 0}); next != waits.end() && next->first <= last;) {
    const auto [seq, id] = *next++;  // take() erases it
    if (is_complete(seq)) reached.push_back(take(id));
  }
  return reached;
}

void OutboxProgressWatch::add(const OutboxWait& wait, std::int64_t deadline_ms) {
  const WaitId id = next_id_++;
  waits_.emplace(id, Kept{wait, deadline_ms});
  by_seq(wait.level).emplace(wait.seq, id);
  deadlines_.emplace(deadline_ms, id);
}

std::vector<OutboxWait> OutboxProgressWatch::take_reached(WaitLevel level, domain::Seq seq) {
  std::vector<OutboxWait> reached;
  auto& waits = by_seq(level);
  while (!waits.empty() && waits.begin()->first <= seq) {
    reached.push_back(take(waits.begin()->second));
  }
  return reached;
}

std::vector<OutboxWait> OutboxProgressWatch::expire(std::int64_t now_ms) {
  std::vector<OutboxWait> expired;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ms) {
    expired.push_back(take(deadlines_.begin()->second));
  }
  return expired;
}

void OutboxProgressWatch::forget(transport::ConnectionId connection) {
  std::vector<WaitId> gone;
  for (const auto& [id, kept] : waits_) {
    if (kept.wait.reply_to.connection == connection) gone.push_back(id);
  }
  for (const WaitId id : gone) take(id);
}

std::vector<OutboxWait> OutboxProgressWatch::take_all() {
  std::vector<OutboxWait> all;
  while (!waits_.empty()) all.push_back(take(waits_.begin()->first));
  return all;
}

OutboxWait OutboxProgressWatch::take(WaitId id) {
  const auto found = waits_.find(id);
  OUTBOXD_CHECK(found != waits_.end());
  const Kept kept = found->second;
  by_seq(kept.wait.level).erase({kept.wait.seq, id});
  deadlines_.erase({kept.deadline_ms, id});
  waits_.erase(found);
  return kept.wait;
}

}  // namespace outboxd::daemon
