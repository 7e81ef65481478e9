#include "daemon/api/token_methods.h"

#include <string>

#include "domain/time_format.h"
#include "transport/ipc/arguments.h"
#include "transport/msgpack/writer.h"

namespace outboxd::daemon {
namespace {

using domain::Status;
using transport::Arguments;
using transport::Request;
using transport::Writer;

Status issue(const TokenApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"user_id", "ttl_ms"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto user_text, arguments.string("user_id"));
  OUTBOXD_ASSIGN_OR_RETURN(const domain::UserId user_id, domain::UserId::parse(user_text));
  OUTBOXD_ASSIGN_OR_RETURN(const auto asked_ttl_ms,
                           arguments.optional_integer("ttl_ms", {1, domain::kMaxTokenTtlMs}));
  const std::int64_t ttl_ms = asked_ttl_ms.value_or(api.default_ttl_ms);
  OUTBOXD_ASSIGN_OR_RETURN(const std::string token,
                           api.tokens.issue(user_id, ttl_ms, api.clock.monotonic_ms()));
  std::string result;
  Writer(result)
      .map(2)
      .field("token", token)
      .field("expires_at", domain::rfc3339(api.clock.wall_ms() + ttl_ms));
  api.server.reply(request.reply_to, result);
  return domain::ok_status();
}

Status check(const TokenApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"user_id", "token"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto user_text, arguments.string("user_id"));
  OUTBOXD_ASSIGN_OR_RETURN(const domain::UserId user_id, domain::UserId::parse(user_text));
  OUTBOXD_ASSIGN_OR_RETURN(const auto token, arguments.string("token"));
  std::string result;
  Writer(result).map(1).field(
      "valid",
      api.tokens.check(user_id, domain::token_digest_of(token), api.clock.monotonic_ms()).ok());
  api.server.reply(request.reply_to, result);
  return domain::ok_status();
}

}  // namespace

void add_token_methods(MethodTable& methods, TokenApi api) {
  methods.add("token.issue", Access::kWrite, [api](const Request& r) { return issue(api, r); });
  methods.add("token.check", Access::kRead, [api](const Request& r) { return check(api, r); });
}

}  // namespace outboxd::daemon
