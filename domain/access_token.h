// The tokens that users pay with: short-lived, in memory only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
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
// to one user, and is good for one payment: that takes it with use(), as the last thing that can
// refuse it, so that no other payment can; and ends it with expire() once it is durable. `digest`
// is token_digest_of() what the user showed.
//
// Times are of a monotonic clock. Not thread-safe: core thread only. `ids` outlives it.
class AccessTokens {
 public:
  explicit AccessTokens(IdGenerator& ids, std::size_t max_tokens = kMaxTokens)
      : ids_(ids), max_tokens_(max_tokens) {}

  // A fresh token. Errors: bad_request for the argument "ttl_ms" unless that is 1 to
  // kMaxTokenTtlMs; storage_full, to be tried again later, when there are as many as there may be.
  Result<std::string> issue(const UserId& user_id, std::int64_t ttl_ms, std::int64_t now_ms);

  // Ok when `user_id` may pay with the token. Error: token_invalid for the argument "token": nobody
  // was given it, it has expired, it is another user's, or a payment has taken it.
  [[nodiscard]] Status check(const UserId& user_id, std::string_view digest,
                             std::int64_t now_ms) const;

  // As check(), and no other payment can take the token from then on.
  Status use(const UserId& user_id, std::string_view digest, std::int64_t now_ms);

  // The token is gone. Nothing happens when it was already.
  void expire(std::string_view digest);

  [[nodiscard]] std::size_t size() const { return tokens_.size(); }

 private:
  struct Token {
    UserId user_id;
    std::int64_t deadline_ms = 0;
    bool in_use = false;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view digest) const {
      return std::hash<std::string_view>()(digest);
    }
  };
  using Tokens = std::unordered_map<std::string, Token, Hash, std::equal_to<>>;  // by digest

  void drop_expired(std::int64_t now_ms);
  void drop(Tokens::const_iterator token);

  IdGenerator& ids_;
  const std::size_t max_tokens_;
  Tokens tokens_;
  std::set<std::pair<std::int64_t, std::string>> deadlines_;  // of each token, and its digest
};

}  // namespace outboxd::domain
