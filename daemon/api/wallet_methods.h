// wallet.*
#pragma once

#include "daemon/api/method_table.h"
#include "daemon/core.h"
#include "daemon/services/wallet_service.h"

namespace outboxd::daemon {

struct WalletApi {
  Core& core;
  WalletService& wallets;
};

void add_wallet_methods(MethodTable& methods, WalletApi api);

}  // namespace outboxd::daemon
