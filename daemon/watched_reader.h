// The durable reader of the daemon: what it cannot read is noted.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "daemon/damage_watch.h"
#include "domain/store.h"

namespace outboxd::daemon {

// Passes everything on. Callable from any thread; `inner` and `damage` outlive it.
class WatchedReader final : public domain::DurableReader {
 public:
  WatchedReader(domain::DurableReader& inner, DamageWatch& damage)
      : inner_(inner), damage_(damage) {}

  domain::Result<domain::PageOf<domain::OrderSnapshot>> list_orders(
      std::optional<domain::OrderStatus> status, const domain::Page& page) override {
    return damage_.noted(inner_.list_orders(status, page));
  }
  domain::Result<domain::PageOf<domain::PaymentSnapshot>> list_payments(
      std::optional<domain::PaymentStatus> status, const domain::Page& page) override {
    return damage_.noted(inner_.list_payments(status, page));
  }
  domain::Result<domain::PageOf<domain::ReservationSnapshot>> list_reservations(
      std::optional<domain::ReservationStatus> status, const domain::Page& page) override {
    return damage_.noted(inner_.list_reservations(status, page));
  }
  domain::Result<domain::PageOf<domain::WalletSnapshot>> list_wallets(
      const domain::Page& page) override {
    return damage_.noted(inner_.list_wallets(page));
  }
  domain::Status scan_holds(std::int64_t from_elapsed_ms,
                            const std::function<bool(const domain::LiveHold&)>& visit) override {
    return damage_.noted(inner_.scan_holds(from_elapsed_ms, visit));
  }
  domain::Result<domain::PageOf<domain::NamedState>> list_state(std::string_view prefix,
                                                                const domain::Page& page) override {
    return damage_.noted(inner_.list_state(prefix, page));
  }
  domain::Status scan_positions(
      domain::Seq from, const std::function<bool(const domain::OutboxPosition&)>& visit) override {
    return damage_.noted(inner_.scan_positions(from, visit));
  }
  domain::Result<std::uint64_t> chain_at(domain::Seq seq) override {
    return damage_.noted(inner_.chain_at(seq));
  }
  domain::Status scan_dead(domain::Seq from,
                           const std::function<bool(const domain::DeadEntry&)>& visit) override {
    return damage_.noted(inner_.scan_dead(from, visit));
  }
  domain::Result<std::uint64_t> count_dead() override { return damage_.noted(inner_.count_dead()); }

 private:
  domain::DurableReader& inner_;
  DamageWatch& damage_;
};

}  // namespace outboxd::daemon
