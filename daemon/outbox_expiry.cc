#include "daemon/outbox_expiry.h"

#include <algorithm>
#include <iterator>

#include "domain/event.h"
#include "domain/order.h"
#include "systemd/log.h"

namespace outboxd::daemon {
namespace {

using domain::ErrorCode;
using domain::OutboxEntry;
using domain::Seq;
using domain::Status;

// A time to live that is longer than any clock counts as none.
std::int64_t deadline_of(const OutboxEntry& entry, std::int64_t ttl_ms) {
  constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
  return ttl_ms > kEnd - entry.elapsed_ms ? kEnd : entry.elapsed_ms + ttl_ms;
}

bool is_full(const Status& status) {
  return !status && (status.error().code == ErrorCode::kOutboxFull ||
                     status.error().code == ErrorCode::kStorageFull);
}

}  // namespace

OutboxExpiry::OutboxExpiry(OutboxExpiryParts parts, OutboxExpiryOptions options)
    : parts_(std::move(parts)), options_(options) {}

void OutboxExpiry::note_stored(const OutboxEntry& entry) {
  // What was there before the first step is searched for.
  if (search_end_ != 0 && entry.ttl_ms) track(entry);
}

void OutboxExpiry::track(const OutboxEntry& entry) {
  if (*entry.ttl_ms == domain::kNeverExpires) return;
  tracked_.emplace(deadline_of(entry, *entry.ttl_ms), entry.seq);
  if (tracked_.size() <= options_.max_tracked) return;
  const auto last = std::prev(tracked_.end());
  untracked_deadline_ms_ = std::min(untracked_deadline_ms_, last->first);
  tracked_.erase(last);
}

bool OutboxExpiry::step(Seq delivered_seq, Seq stored_seq) {
  if (search_end_ == 0) search_end_ = stored_seq + 1;
  const bool more_to_find = look_for_tracked(delivered_seq, stored_seq);
  const bool more_tracked = expire_tracked(delivered_seq);
  const bool more_orders = expire_orders(delivered_seq);
  return more_to_find || more_tracked || more_orders;
}

bool OutboxExpiry::is_waiting(Seq delivered_seq, Seq stored_seq) const {
  if (delivered_seq >= stored_seq) return false;
  return options_.order_ttl_ms.has_value() || !tracked_.empty() ||
         untracked_deadline_ms_ != kNever || search_from_ < search_end_;
}

bool OutboxExpiry::look_for_tracked(Seq delivered_seq, Seq stored_seq) {
  if (parts_.elapsed.elapsed_ms() >= untracked_deadline_ms_) {
    untracked_deadline_ms_ = kNever;
    tracked_.clear();
    search_from_ = 1;
    search_end_ = stored_seq + 1;
  }
  search_from_ = std::max(search_from_, delivered_seq + 1);
  if (search_from_ >= search_end_) return false;
  std::size_t looked_at = 0;
  Seq next = search_end_;
  const Status status = parts_.reader.scan_outbox(search_from_, [&](const OutboxEntry& entry) {
    if (entry.seq >= search_end_) return false;
    if (looked_at++ == options_.max_per_step) {
      next = entry.seq;
      return false;
    }
    if (entry.ttl_ms) track(entry);
    return true;
  });
  if (!status) return false;  // the next step tries again
  search_from_ = next;
  return search_from_ < search_end_;
}

bool OutboxExpiry::expire_tracked(Seq delivered_seq) {
  const std::int64_t now_ms = parts_.elapsed.elapsed_ms();
  for (std::size_t done = 0; done < options_.max_per_step; ++done) {
    if (tracked_.empty() || tracked_.begin()->first > now_ms) return false;
    const Seq seq = tracked_.begin()->second;
    bool is_done = true;
    if (seq > delivered_seq) {
      const Status status = parts_.reader.scan_outbox(seq, [&](const OutboxEntry& entry) {
        if (entry.seq == seq && entry.ttl_ms) is_done = expire(entry, *entry.ttl_ms);
        return false;
      });
      if (!status || !is_done) return false;
    }
    tracked_.erase(tracked_.begin());
  }
  return true;
}

bool OutboxExpiry::expire_orders(Seq delivered_seq) {
  if (!options_.order_ttl_ms) return false;
  const std::int64_t now_ms = parts_.elapsed.elapsed_ms();
  order_cursor_ = std::max(order_cursor_, delivered_seq);
  std::size_t looked_at = 0;
  bool more = false;
  const Status status = parts_.reader.scan_outbox(order_cursor_ + 1, [&](const OutboxEntry& entry) {
    // Those behind it are younger.
    if (deadline_of(entry, *options_.order_ttl_ms) > now_ms) return false;
    more = looked_at++ == options_.max_per_step;
    if (more) return false;
    if (is_order_without_ttl(entry) && !expire(entry, *options_.order_ttl_ms)) return false;
    order_cursor_ = entry.seq;
    return true;
  });
  return status.ok() && more;
}

bool OutboxExpiry::is_order_without_ttl(const OutboxEntry& entry) {
  if (entry.ttl_ms || entry.topic != domain::kOrdersTopic) return false;
  const auto envelope = transport::decode_envelope(entry.envelope, document_);
  return envelope && envelope->type == "order.created";
}

// False when there is no room for what it writes: it is tried again later.
bool OutboxExpiry::expire(const OutboxEntry& entry, std::int64_t ttl_ms) {
  const std::string reason =
      "expired: not delivered to the broker within " + std::to_string(ttl_ms) + " ms";
  const auto envelope = transport::decode_envelope(entry.envelope, document_);
  std::optional<domain::OrderId> order_id;
  if (envelope && envelope->topic == domain::kOrdersTopic && envelope->type == "order.created") {
    if (auto id = domain::OrderId::parse(envelope->key)) order_id = std::move(id).value();
  }
  Status outcome = domain::ok_status();
  parts_.commits.apply(
      [&](domain::UnitOfWork& work) -> Status {
        outcome = work.outbox().bury(entry.seq, reason, parts_.clock.wall_ms());
        if (outcome && order_id) {
          const auto expired = parts_.orders.expire(*order_id, reason, work);
          // An order that has ended otherwise, or is gone, has nothing to expire.
          const bool has_ended = !expired && (expired.error().code == ErrorCode::kInvalidState ||
                                              expired.error().code == ErrorCode::kNotFound);
          if (!expired && !has_ended) outcome = expired.error();
        }
        return outcome;
      },
      {});
  if (outcome) {
    parts_.buried(entry.seq);
  } else if (!is_full(outcome)) {
    systemd::log_error("an event whose time is over cannot be buried",
                       {{"seq", entry.seq}, {"reason", outcome.error().message}});
  }
  return !is_full(outcome);
}

}  // namespace outboxd::daemon
