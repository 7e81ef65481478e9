// Reading what is durable, beside the units of work.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "domain/store.h"
#include "storage/database/database.h"
#include "storage/durable_progress.h"
#include "storage/families.h"

namespace outboxd::storage {

// See domain::DurableReader. RocksDB shows its iterators a write only after that is synced, so
// nothing here can see more. Callable from any thread.
class DurableScans {
 public:
  DurableScans(Database& database, const DurableProgress& progress)
      : database_(database), progress_(progress) {}

  domain::Result<domain::PageOf<domain::OrderSnapshot>> list_orders(
      std::optional<domain::OrderStatus> status, const domain::Page& page) const;
  domain::Result<domain::PageOf<domain::PaymentSnapshot>> list_payments(
      std::optional<domain::PaymentStatus> status, const domain::Page& page) const;
  domain::Result<domain::PageOf<domain::ReservationSnapshot>> list_reservations(
      std::optional<domain::ReservationStatus> status, const domain::Page& page) const;
  domain::Result<domain::PageOf<domain::WalletSnapshot>> list_wallets(
      const domain::Page& page) const;
  domain::Status scan_holds(std::int64_t from_elapsed_ms,
                            const std::function<bool(const domain::LiveHold&)>& visit) const;
  domain::Result<domain::PageOf<domain::NamedState>> list_state(std::string_view prefix,
                                                                const domain::Page& page) const;

  domain::Status scan_positions(
      domain::Seq from, const std::function<bool(const domain::OutboxPosition&)>& visit) const;
  domain::Result<std::uint64_t> chain_at(domain::Seq seq) const;
  domain::Status scan_dead(domain::Seq from,
                           const std::function<bool(const domain::DeadEntry&)>& visit) const;

 private:
  Database& database_;
  const DurableProgress& progress_;
};

}  // namespace outboxd::storage
