#include "daemon/services/wallet_service.h"

#include <optional>
#include <utility>

namespace outboxd::daemon {

using domain::Error;
using domain::ErrorCode;
using domain::Result;
using domain::Wallet;
using domain::WalletSnapshot;

Result<WalletOutcome> WalletService::deposit(const Deposit& request, domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(const std::optional<domain::DepositRecord> known,
                           work.wallets().find_deposit(request.deposit_id));
  OUTBOXD_ASSIGN_OR_RETURN(WalletSnapshot before, get(request.user_id, work));
  if (known) {
    if (known->user_id != request.user_id || known->points != request.points) {
      return Error{ErrorCode::kIdConflict,
                   "deposit " + request.deposit_id.text() + " exists with other content",
                   "deposit_id"};
    }
    return WalletOutcome{std::move(before), true};
  }
  Wallet wallet(std::move(before));
  OUTBOXD_TRY(wallet.deposit(request.points));
  work.wallets().put(wallet.snapshot());
  work.wallets().put_deposit({.deposit_id = request.deposit_id,
                              .user_id = request.user_id,
                              .points = request.points,
                              .created_at_ms = clock_.wall_ms()});
  return WalletOutcome{wallet.snapshot(), false};
}

Result<WalletSnapshot> WalletService::get(const domain::UserId& id, domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(std::optional<WalletSnapshot> wallet, work.wallets().find(id));
  if (!wallet) return Wallet::empty(id).snapshot();
  return std::move(*wallet);
}

}  // namespace outboxd::daemon
