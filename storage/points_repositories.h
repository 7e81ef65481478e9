// Wallets and reservations over a group being built.
#pragma once

#include <optional>
#include <string>

#include "domain/unit_of_work.h"
#include "storage/group_builder.h"

namespace outboxd::storage {

// Wallets under state key 'w' user_id, deposits under 'd' deposit_id, deductions under 'x'
// reservation_id.
class Wallets final : public domain::WalletRepository {
 public:
  explicit Wallets(GroupBuilder& group) : group_(group) {}
  domain::Result<std::optional<domain::WalletSnapshot>> find(const domain::UserId& id) override;
  void put(const domain::WalletSnapshot& wallet) override;
  domain::Result<std::optional<domain::DepositRecord>> find_deposit(
      const domain::DepositId& id) override;
  void put_deposit(const domain::DepositRecord& deposit) override;
  domain::Result<std::optional<domain::DeductionRecord>> find_deduction(
      const domain::ReservationId& id) override;
  void put_deduction(const domain::DeductionRecord& deduction) override;

 private:
  GroupBuilder& group_;
  std::string encoded_;  // scratch
};

// Reservations under state key 'r' reservation_id; whose an item is, under 'i' item_id; and the
// order in which live holds end, under 'h' expires_elapsed_ms reservation_id.
class Reservations final : public domain::ReservationRepository {
 public:
  explicit Reservations(GroupBuilder& group) : group_(group) {}
  domain::Result<std::optional<domain::ReservationSnapshot>> find(
      const domain::ReservationId& id) override;
  domain::Status put(const domain::ReservationSnapshot& reservation) override;
  domain::Result<std::optional<domain::ReservationId>> holder_of(const domain::ItemId& id) override;

 private:
  domain::Status keep_claim(const domain::ReservationSnapshot& reservation);

  GroupBuilder& group_;
  std::string encoded_;
};

}  // namespace outboxd::storage
