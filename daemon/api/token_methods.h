// token.*
#pragma once

#include <cstdint>

#include "daemon/api/method_table.h"
#include "domain/access_token.h"
#include "domain/clock.h"
#include "transport/ipc/server.h"

namespace outboxd::daemon {

struct TokenApi {
  transport::Server& server;
  domain::AccessTokens& tokens;
  const domain::Clock& clock;
  std::int64_t default_ttl_ms = 0;
};

// Tokens are in memory only, so nothing of this waits for the disk.
void add_token_methods(MethodTable& methods, TokenApi api);

}  // namespace outboxd::daemon
