// The tokens that users pay with: short-lived, in memory only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "domain/clock.h"
#include "domain/ids.h"
#include "domain/result.h"

namespace outboxd::domain {

// Longest life of a token: a day.
inline constexpr std::int64_t kMaxTokenTtlMs = std::int64_t{24} * 3600 * 1000;

// How many tokens there may be at once. One takes some 300 bytes.
inline constexpr std::size_t kMaxTokens = 100'000;

// The first 16 bytes of SHA-256 of `token`: what stands for it wherever it is remembered, so that
// neither a memory dump nor the database gives away anything to pay with.
std::string token_digest_of(std::string_view token);

// All tokens of this process. A restart forgets them: their users ask for new ones. A token belongs
// to one user, and is good for one payment: that takes it with use(), so that no other can, and
// ends with expire() once it is durable, or with release() when it was refused after all.
//
// Times are of a monotonic clock. Not thread-safe: core thread only. `ids` outlives it.
class AccessTokens {
 public:
  explicit AccessTokens(IdGenerator& ids, std::size_t max_tokens = kMaxTokens)
      : ids_(ids), max_tokens_(max_tokens) {}

  // A fresh token. Errors: bad_request for the argument "ttl_ms" unless that is 1 to
  // kMaxTokenTtlMs; storage_full, to be tried again later, when there are as many as there may be.
  Result<std::string> issue(const UserId& user_id, std::int64_t ttl_ms, std::int64_t now_ms);

  // Ok when `user_id` may pay with `token`. Error: token_invalid for the argument "token": nobody
  // was given it, it has expired, it is another user's, or a payment has taken it.
  [[nodiscard]] Status check(const UserId& user_id, std::string_view token,
                             std::int64_t now_ms) const;

  // As check(), and no other payment can take the token from then on.
  Status use(const UserId& user_id, std::string_view token, std::int64_t now_ms);

  // The payment that took the token was refused. Nothing happens when it is not there.
  void release(std::string_view digest);

  // The token is gone. Nothing happens when it was already.
  void expire(std::string_view digest);

  [[nodiscard]] std::size_t size() const { return tokens_.size(); }

 private:
  struct Token {
    UserId user_id;
    std::int64_t deadline_ms = 0;
    bool in_use = false;
  };
  using Tokens = std::map<std::string, Token, std::less<>>;  // by digest

  void drop_expired(std::int64_t now_ms);
  void drop(Tokens::iterator token);

  IdGenerator& ids_;
  const std::size_t max_tokens_;
  Tokens tokens_;
  std::set<std::pair<std::int64_t, std::string>> deadlines_;  // of each token, and its digest
};

}  // namespace outboxd::domain
