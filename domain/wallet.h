// The wallet aggregate: points come in by deposits and go by what is paid, and never below zero.
#pragma once

#include <utility>

#include "domain/result.h"
#include "domain/wallet_snapshot.h"

namespace outboxd::domain {

// The points of one user. Every change goes with a record of it, a DepositRecord or a
// DeductionRecord, which whoever makes the change stores in the same unit of work (G9). Not
// thread-safe; lives for one use case.
class Wallet {
 public:
  // The wallet of a user who has none yet.
  static Wallet empty(UserId user_id) { return Wallet({.user_id = std::move(user_id)}); }

  // The wallet that a repository returned.
  explicit Wallet(WalletSnapshot stored) : snapshot_(std::move(stored)) {}

  // Error: bad_request for the argument "points", when they are not positive, or the wallet would
  // have taken in more than an integer can say; nothing changes then.
  Status deposit(Points points);

  // `points` are positive. Error: insufficient_points, which says how many are there, needed and
  // missing; nothing changes then.
  Status deduct(Points points);

  [[nodiscard]] const WalletSnapshot& snapshot() const { return snapshot_; }

 private:
  WalletSnapshot snapshot_;
};

}  // namespace outboxd::domain
