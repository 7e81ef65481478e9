#include "tests/fault/planted_points_bugs.h"

#include <optional>

#include "tests/fault/passing_store.h"

namespace outboxd::fault {
namespace {

using domain::Result;

// Forwards everything to the wallets of the unit of work that is open.
class PassingWallets : public domain::WalletRepository {
 public:
  void pass_to(domain::WalletRepository& inner) { inner_ = &inner; }

  Result<std::optional<domain::WalletSnapshot>> find(const domain::UserId& id) override {
    return inner_->find(id);
  }
  void put(const domain::WalletSnapshot& wallet) override { inner_->put(wallet); }
  Result<std::optional<domain::DepositRecord>> find_deposit(const domain::DepositId& id) override {
    return inner_->find_deposit(id);
  }
  void put_deposit(const domain::DepositRecord& deposit) override { inner_->put_deposit(deposit); }
  Result<std::optional<domain::DeductionRecord>> find_deduction(
      const domain::ReservationId& id) override {
    return inner_->find_deduction(id);
  }
  void put_deduction(const domain::DeductionRecord& deduction) override {
    inner_->put_deduction(deduction);
  }

 private:
  domain::WalletRepository* inner_ = nullptr;
};

struct SellingForNothing : PassingWallets {
  void put(const domain::WalletSnapshot& wallet) override {
    domain::WalletSnapshot unpaid = wallet;
    unpaid.paid = 0;
    PassingWallets::put(unpaid);
  }
};

struct ForgettingDeductions : PassingWallets {
  void put_deduction(const domain::DeductionRecord&) override {}
};

struct ForgettingDeposits : PassingWallets {
  void put_deposit(const domain::DepositRecord&) override {}
};

struct KeepingWhatWasCancelled : domain::ReservationRepository {
  void pass_to(domain::ReservationRepository& reservations) { inner = &reservations; }

  Result<std::optional<domain::ReservationSnapshot>> find(
      const domain::ReservationId& id) override {
    return inner->find(id);
  }
  domain::Status put(const domain::ReservationSnapshot& reservation) override {
    if (reservation.status == domain::ReservationStatus::kCancelled) return domain::ok_status();
    return inner->put(reservation);
  }
  Result<std::optional<domain::ReservationId>> holder_of(const domain::ItemId& id) override {
    return inner->holder_of(id);
  }

  domain::ReservationRepository* inner = nullptr;
};

// A store whose wallets are `Wallets`.
template <typename Wallets>
class StoreWithWallets : public PassingStore {
 public:
  using PassingStore::PassingStore;

  domain::UnitOfWork& begin() override {
    work_.pass_to(inner_.begin());
    return work_;
  }

 private:
  struct Work : PassingUnitOfWork {
    domain::WalletRepository& wallets() override {
      replaced.pass_to(inner().wallets());
      return replaced;
    }
    Wallets replaced;
  };

  Work work_;
};

class KeepsWhatWasCancelled : public PassingStore {
 public:
  using PassingStore::PassingStore;

  domain::UnitOfWork& begin() override {
    work_.pass_to(inner_.begin());
    return work_;
  }

 private:
  struct Work : PassingUnitOfWork {
    domain::ReservationRepository& reservations() override {
      replaced.pass_to(inner().reservations());
      return replaced;
    }
    KeepingWhatWasCancelled replaced;
  };

  Work work_;
};

}  // namespace

std::unique_ptr<domain::Store> sell_for_nothing(domain::Store& store) {
  return std::make_unique<StoreWithWallets<SellingForNothing>>(store);
}

std::unique_ptr<domain::Store> forget_deductions(domain::Store& store) {
  return std::make_unique<StoreWithWallets<ForgettingDeductions>>(store);
}

std::unique_ptr<domain::Store> forget_deposits(domain::Store& store) {
  return std::make_unique<StoreWithWallets<ForgettingDeposits>>(store);
}

std::unique_ptr<domain::Store> keep_what_was_cancelled(domain::Store& store) {
  return std::make_unique<KeepsWhatWasCancelled>(store);
}

}  // namespace outboxd::fault
