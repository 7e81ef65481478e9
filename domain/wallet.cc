#include "domain/wallet.h"

#include <limits>
#include <string>

namespace outboxd::domain {

Status Wallet::deposit(Points points) {
  if (points <= 0) {
    return bad_request("points", "points must be at least 1, not " + std::to_string(points));
  }
  constexpr Points kMost = std::numeric_limits<Points>::max();
  if (points > kMost - snapshot_.deposited) {
    return bad_request("points", "the wallet of " + snapshot_.user_id.text() + " can take in " +
                                     std::to_string(kMost - snapshot_.deposited) +
                                     " more points, not " + std::to_string(points));
  }
  snapshot_.deposited += points;
  return ok_status();
}

Status Wallet::deduct(Points points) {
  OUTBOXD_CHECK(points > 0);
  const Points available = snapshot_.points();
  if (points > available) {
    const Points missing = points - available;
    return Error{.code = ErrorCode::kInsufficientPoints,
                 .message = "user " + snapshot_.user_id.text() + " has " +
                            std::to_string(available) + " points and needs " +
                            std::to_string(points) + "; " + std::to_string(missing) +
                            " are missing",
                 .argument = "user_id",
                 .missing = missing};
  }
  snapshot_.paid += points;
  return ok_status();
}

}  // namespace outboxd::domain
