#include "storage/points_audit.h"

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "storage/families.h"
#include "storage/points_records.h"
#include "storage/slices.h"

namespace outboxd::storage {

using domain::ReservationStatus;
using domain::Result;
using domain::Status;

namespace {

// One state of the database, for as long as this lives.
class Frozen {
 public:
  explicit Frozen(Database& database)
      : database_(database), snapshot_(database.db().GetSnapshot()) {
    options_.snapshot = snapshot_;
    options_.fill_cache = false;
  }
  ~Frozen() { database_.db().ReleaseSnapshot(snapshot_); }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

  // Calls `visit` with the key behind `prefix` and the value of every record that starts with it.
  template <typename Visit>
  Status for_each(char prefix, Visit visit) const {
    const std::string first(1, prefix);
    const std::unique_ptr<rocksdb::Iterator> entries(
        database_.db().NewIterator(options_, database_.family(kFamily)));
    for (entries->Seek(first); entries->Valid(); entries->Next()) {
      const std::string_view key = view_of(entries->key());
      if (!key.starts_with(prefix)) break;
      OUTBOXD_TRY(visit(key.substr(1), view_of(entries->value())));
    }
    if (entries->status().ok()) return domain::ok_status();
    return to_error("read the state", entries->status());
  }

  [[nodiscard]] Result<std::optional<std::string>> get(const std::string& key) const {
    std::string value;
    const auto status = database_.db().Get(options_, database_.family(kFamily), key, &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return to_error("read the state", status);
    return std::optional(std::move(value));
  }

 private:
  static constexpr auto kFamily = static_cast<std::size_t>(Family::kState);

  Database& database_;
  const rocksdb::Snapshot* const snapshot_;
  rocksdb::ReadOptions options_;
};

class PointsAudit {
 public:
  PointsAudit(Database& database, const std::function<void(std::string)>& report)
      : frozen_(database), report_(report) {}

  Status run(std::size_t max_users_per_pass) {
    std::size_t users = 0;
    OUTBOXD_TRY(frozen_.for_each(kWalletPrefix, [&](auto, auto) {
      ++users;
      return domain::ok_status();
    }));
    const std::size_t passes = users / max_users_per_pass + 1;
    for (std::size_t pass = 0; pass < passes; ++pass) OUTBOXD_TRY(check_wallets(pass, passes));
    OUTBOXD_TRY(check_reservations());
    OUTBOXD_TRY(check_deductions());
    OUTBOXD_TRY(check_claims());
    return check_holds();
  }

 private:
  // Wrapping sums: damaged records may add up to anything, and must not to undefined behaviour.
  struct Sums {
    std::uint64_t deposited = 0;
    std::uint64_t paid = 0;

    friend bool operator==(const Sums&, const Sums&) = default;
  };

  // The wallets of one part of the users, which is what fits the memory.
  Status check_wallets(std::size_t pass, std::size_t passes) const {
    std::map<std::string, Sums, std::less<>> sums;
    const auto sum_of = [&](const domain::UserId& user_id) -> Sums* {
      const std::string& user = user_id.text();
      if (std::hash<std::string>{}(user) % passes != pass) return nullptr;
      return &sums[user];
    };
    OUTBOXD_TRY(frozen_.for_each(kDepositPrefix, [&](std::string_view id, std::string_view value) {
      const auto deposit = decode_deposit(id, value);
      Sums* sum = deposit ? sum_of(deposit->user_id) : nullptr;
      if (sum != nullptr) sum->deposited += static_cast<std::uint64_t>(deposit->points);
      return domain::ok_status();
    }));
    OUTBOXD_TRY(
        frozen_.for_each(kDeductionPrefix, [&](std::string_view id, std::string_view value) {
          const auto deduction = decode_deduction(id, value);
          Sums* sum = deduction ? sum_of(deduction->user_id) : nullptr;
          if (sum != nullptr) sum->paid += static_cast<std::uint64_t>(deduction->points);
          return domain::ok_status();
        }));
    OUTBOXD_TRY(frozen_.for_each(kWalletPrefix, [&](std::string_view id, std::string_view value) {
      const auto wallet = decode_wallet(id, value);
      Sums* sum = wallet ? sum_of(wallet->user_id) : nullptr;
      if (sum == nullptr) return domain::ok_status();
      const Sums kept{static_cast<std::uint64_t>(wallet->deposited),
                      static_cast<std::uint64_t>(wallet->paid)};
      report_unless(kept == *sum, [&] {
        return fmt::format(
            "the wallet of user '{}' has {} points deposited and {} paid, but its records add up "
            "to {} and {}",
            id, wallet->deposited, wallet->paid, sum->deposited, sum->paid);
      });
      sums.erase(sums.find(id));
      return domain::ok_status();
    }));
    for (const auto& [user, sum] : sums) {
      report_(fmt::format("user '{}' has records of points but no wallet", user));
    }
    return domain::ok_status();
  }

  Status check_reservations() const {
    return frozen_.for_each(
        kReservationPrefix, [&](std::string_view id, std::string_view value) -> Status {
          const auto reservation = decode_reservation(id, value);
          if (!reservation) return domain::ok_status();
          const bool is_held = reservation->status == ReservationStatus::kHeld;
          const bool is_paid = reservation->status == ReservationStatus::kPaid;
          if (is_held || is_paid) OUTBOXD_TRY(check_claim_of(*reservation));
          if (is_held) OUTBOXD_TRY(check_hold_of(*reservation));
          return is_paid ? check_deduction_of(*reservation) : domain::ok_status();
        });
  }

  Status check_claim_of(const domain::ReservationSnapshot& reservation) const {
    const std::string& item = reservation.item_id.text();
    OUTBOXD_ASSIGN_OR_RETURN(const auto claim, frozen_.get(state_key(kClaimPrefix, item)));
    const bool is_claimed = [&] {
      if (!claim) return false;
      const auto holder = decode_claim(item, *claim);
      return holder && *holder == reservation.reservation_id;
    }();
    report_unless(is_claimed, [&] {
      return fmt::format("reservation '{}' is {} but has no claim on item '{}'",
                         reservation.reservation_id.text(), name_of(reservation.status), item);
    });
    return domain::ok_status();
  }

  Status check_hold_of(const domain::ReservationSnapshot& reservation) const {
    const std::string& id = reservation.reservation_id.text();
    OUTBOXD_ASSIGN_OR_RETURN(const auto hold,
                             frozen_.get(hold_key(reservation.expires_elapsed_ms, id)));
    report_unless(hold.has_value(),
                  [&] { return fmt::format("reservation '{}' is HELD but would not expire", id); });
    return domain::ok_status();
  }

  Status check_deduction_of(const domain::ReservationSnapshot& reservation) const {
    const std::string& id = reservation.reservation_id.text();
    OUTBOXD_ASSIGN_OR_RETURN(const auto value, frozen_.get(state_key(kDeductionPrefix, id)));
    report_unless(value.has_value(), [&] {
      return fmt::format("reservation '{}' is PAID but nothing was deducted for it", id);
    });
    if (!value) return domain::ok_status();
    const auto deduction = decode_deduction(id, *value);
    if (!deduction) return domain::ok_status();
    report_unless(
        deduction->user_id == reservation.user_id && deduction->points == reservation.price_points,
        [&] {
          return fmt::format(
              "reservation '{}' of user '{}' costs {} points, but {} were deducted from "
              "user '{}'",
              id, reservation.user_id.text(), reservation.price_points, deduction->points,
              deduction->user_id.text());
        });
    return domain::ok_status();
  }

  Status check_deductions() const {
    return frozen_.for_each(kDeductionPrefix, [&](std::string_view id, std::string_view) -> Status {
      OUTBOXD_ASSIGN_OR_RETURN(const auto reservation, find_reservation(id));
      report_unless(reservation && reservation->status == ReservationStatus::kPaid, [&] {
        return fmt::format("points were deducted for reservation '{}', which is not PAID", id);
      });
      return domain::ok_status();
    });
  }

  Status check_claims() const {
    return frozen_.for_each(
        kClaimPrefix, [&](std::string_view item, std::string_view value) -> Status {
          const auto holder = decode_claim(item, value);
          if (!holder) return domain::ok_status();
          OUTBOXD_ASSIGN_OR_RETURN(const auto reservation, find_reservation(holder->text()));
          const bool is_claimed = reservation && reservation->item_id.text() == item &&
                                  (reservation->status == ReservationStatus::kHeld ||
                                   reservation->status == ReservationStatus::kPaid);
          report_unless(is_claimed, [&] {
            return fmt::format("item '{}' is claimed by reservation '{}', which does not hold it",
                               item, holder->text());
          });
          return domain::ok_status();
        });
  }

  Status check_holds() const {
    return frozen_.for_each(kHoldPrefix, [&](std::string_view name, std::string_view) -> Status {
      const auto hold = decode_hold(name);
      if (!hold) return domain::ok_status();
      const std::string& id = hold->reservation_id.text();
      OUTBOXD_ASSIGN_OR_RETURN(const auto reservation, find_reservation(id));
      report_unless(reservation && reservation->status == ReservationStatus::kHeld &&
                        reservation->expires_elapsed_ms == hold->expires_elapsed_ms,
                    [&] {
                      return fmt::format(
                          "reservation '{}' would expire at {} ms, but is not held until then", id,
                          hold->expires_elapsed_ms);
                    });
      return domain::ok_status();
    });
  }

  // Nothing also when it does not decode.
  [[nodiscard]] Result<std::optional<domain::ReservationSnapshot>> find_reservation(
      std::string_view id) const {
    using Found = std::optional<domain::ReservationSnapshot>;
    OUTBOXD_ASSIGN_OR_RETURN(const auto value, frozen_.get(state_key(kReservationPrefix, id)));
    if (!value) return Found();
    auto reservation = decode_reservation(id, *value);
    return reservation ? Found(std::move(reservation).value()) : Found();
  }

  template <typename Describe>
  void report_unless(bool is_well, Describe describe) const {
    if (!is_well) report_(describe());
  }

  const Frozen frozen_;
  const std::function<void(std::string)>& report_;
};

}  // namespace

Status audit_points(Database& database, const std::function<void(std::string)>& report,
                    std::size_t max_users_per_pass) {
  return PointsAudit(database, report).run(max_users_per_pass);
}

}  // namespace outboxd::storage
