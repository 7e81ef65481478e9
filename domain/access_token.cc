#include "domain/access_token.h"

#include "domain/sha256.h"

namespace outboxd::domain {
namespace {

constexpr std::size_t kDigestBytes = 16;

Error token_invalid(std::string message) {
  return {.code = ErrorCode::kTokenInvalid, .message = std::move(message), .argument = "token"};
}

}  // namespace

std::string token_digest_of(std::string_view token) {
  const auto hash = sha256(token);
  return {hash.begin(), hash.begin() + kDigestBytes};
}

Result<std::string> AccessTokens::issue(const UserId& user_id, std::int64_t ttl_ms,
                                        std::int64_t now_ms) {
  if (ttl_ms < 1 || ttl_ms > kMaxTokenTtlMs) {
    return bad_request("ttl_ms", "ttl_ms must be 1 to " + std::to_string(kMaxTokenTtlMs) +
                                     ", not " + std::to_string(ttl_ms));
  }
  drop_expired(now_ms);
  if (tokens_.size() >= max_tokens_) {
    return Error{.code = ErrorCode::kStorageFull,
                 .message = "there are " + std::to_string(tokens_.size()) +
                            " tokens that have not expired, as many as there may be",
                 .argument = {}};
  }
  std::string token = ids_.next();
  std::string digest = token_digest_of(token);
  const std::int64_t deadline_ms = now_ms + ttl_ms;
  deadlines_.emplace(deadline_ms, digest);
  const bool is_new = tokens_.emplace(std::move(digest), Token{user_id, deadline_ms}).second;
  OUTBOXD_CHECK(is_new);
  return token;
}

// One answer for a token that nobody has and for one of somebody else: who guesses learns nothing.
Status AccessTokens::check(const UserId& user_id, std::string_view digest,
                           std::int64_t now_ms) const {
  const auto found = tokens_.find(digest);
  if (found == tokens_.end() || found->second.user_id != user_id) {
    return token_invalid(
        "user " + user_id.text() +
        " has no such token: it was never issued to them, has expired or was used");
  }
  if (found->second.deadline_ms <= now_ms) {
    return token_invalid("the token has expired; issue another");
  }
  if (found->second.in_use) return token_invalid("another payment is using the token");
  return ok_status();
}

Status AccessTokens::use(const UserId& user_id, std::string_view digest, std::int64_t now_ms) {
  OUTBOXD_TRY(check(user_id, digest, now_ms));
  tokens_.find(digest)->second.in_use = true;
  return ok_status();
}

void AccessTokens::expire(std::string_view digest) {
  const auto found = tokens_.find(digest);
  if (found != tokens_.end()) drop(found);
}

void AccessTokens::drop_expired(std::int64_t now_ms) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ms) {
    drop(tokens_.find(deadlines_.begin()->second));
  }
}

void AccessTokens::drop(Tokens::const_iterator token) {
  deadlines_.erase({token->second.deadline_ms, token->first});
  tokens_.erase(token);
}

}  // namespace outboxd::domain
