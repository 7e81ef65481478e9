// Use cases on wallets.
#pragma once

#include "domain/clock.h"
#include "domain/unit_of_work.h"
#include "domain/wallet.h"

namespace outboxd::daemon {

struct Deposit {
  domain::DepositId deposit_id;
  domain::UserId user_id;
  domain::Points points = 0;
};

struct WalletOutcome {
  domain::WalletSnapshot wallet;
  bool replayed = false;  // the same was deposited before: this is the wallet of now (G4)
};

// Sees ports only. Core thread; an error leaves nothing written.
class WalletService {
 public:
  explicit WalletService(const domain::Clock& clock) : clock_(clock) {}

  // Puts points into the user's wallet, once for each deposit_id. Errors: id_conflict when the
  // deposit is known with other content; what Wallet::deposit refuses.
  domain::Result<WalletOutcome> deposit(const Deposit& request, domain::UnitOfWork& work);

  // The wallet of the user; that of one who never had points is empty.
  domain::Result<domain::WalletSnapshot> get(const domain::UserId& id, domain::UnitOfWork& work);

 private:
  const domain::Clock& clock_;
};

}  // namespace outboxd::daemon
