#include "daemon/hold_expiry.h"

#include <algorithm>
#include <optional>

#include "systemd/log.h"

namespace outboxd::daemon {

using domain::ErrorCode;
using domain::LiveHold;
using domain::Status;

bool HoldExpiry::step() {
  const std::int64_t now_ms = parts_.elapsed.elapsed_ms();
  std::optional<std::int64_t> first_ms;
  std::size_t looked_at = 0;
  bool more = false;
  is_waiting_ = false;
  const Status status = parts_.reader.scan_holds(from_ms_, [&](const LiveHold& hold) {
    is_waiting_ = true;
    if (!first_ms) first_ms = hold.expires_elapsed_ms;
    if (hold.expires_elapsed_ms > now_ms) return false;
    more = looked_at++ == max_per_step_;
    return !more && expire(hold);
  });
  if (!status) {
    systemd::log_error("the holds cannot be read", {{"reason", status.error().message}});
    return false;
  }
  // What is ended now stays in the order until that is durable; the next step sees it again.
  from_ms_ = first_ms.value_or(now_ms);
  return more;
}

void HoldExpiry::note_held(std::int64_t expires_elapsed_ms) {
  from_ms_ = std::min(from_ms_, expires_elapsed_ms);
  is_waiting_ = true;
}

// False when there is no room for what it writes: it is tried again later.
bool HoldExpiry::expire(const LiveHold& hold) {
  Status outcome = domain::ok_status();
  parts_.commits.apply(
      [&](domain::UnitOfWork& work) {
        outcome = parts_.reservations.expire(hold.reservation_id, work);
        return outcome;
      },
      {});
  // One that has ended since is none of ours.
  if (outcome || outcome.error().code == ErrorCode::kInvalidState) return true;
  const ErrorCode code = outcome.error().code;
  if (code == ErrorCode::kOutboxFull || code == ErrorCode::kStorageFull) return false;
  systemd::log_error(
      "a hold whose time is over cannot be ended",
      {{"reservation", hold.reservation_id.text()}, {"reason", outcome.error().message}});
  return true;
}

}  // namespace outboxd::daemon
