#include "daemon/reservations_module.h"

#include <variant>

#include "daemon/api/reservation_methods.h"
#include "daemon/api/token_methods.h"
#include "daemon/api/wallet_methods.h"
#include "systemd/log.h"

namespace outboxd::daemon {
namespace {

using domain::DomainEvent;
using domain::ReservationSnapshot;
using domain::Status;

std::int64_t count_live_holds(domain::DurableReader& reader) {
  std::int64_t holds = 0;
  const Status status = reader.scan_holds(0, [&](const domain::LiveHold&) {
    ++holds;
    return true;
  });
  if (!status) {
    systemd::log_error("the holds cannot be counted", {{"reason", status.error().message}});
  }
  return holds;
}

}  // namespace

ReservationsModule::ReservationsModule(ReservationsModuleParts parts)
    : parts_(parts),
      tokens_(parts_.ids),
      wallets_(parts_.clock),
      reservations_({.publisher = parts_.events,
                     .clock = parts_.clock,
                     .elapsed = parts_.elapsed,
                     .tokens = tokens_,
                     .hold_ttl_ms = parts_.hold_ttl_ms}),
      expiry_({parts_.core, parts_.reader, reservations_, parts_.elapsed}),
      live_holds_(count_live_holds(parts_.reader)) {
  listen();
}

// An application may give an event of its own the same type, on a topic of its own. Such an event
// carries no reservation and is none of ours.
void ReservationsModule::listen() {
  const auto ended = [this](const DomainEvent& event) {
    if (std::holds_alternative<ReservationSnapshot>(event.payload)) --live_holds_;
    return domain::ok_status();
  };
  parts_.events.after_commit("reservation.held", [this](const DomainEvent& event) {
    const auto* const reservation = std::get_if<ReservationSnapshot>(&event.payload);
    if (reservation == nullptr) return domain::ok_status();
    ++live_holds_;
    expiry_.note_held(reservation->expires_elapsed_ms);
    return domain::ok_status();
  });
  parts_.events.after_commit("reservation.cancelled", ended);
  parts_.events.after_commit("reservation.expired", ended);
  parts_.events.after_commit("reservation.paid", [this](const DomainEvent& event) {
    const auto* const reservation = std::get_if<ReservationSnapshot>(&event.payload);
    if (reservation == nullptr) return domain::ok_status();
    --live_holds_;
    ++sold_;
    tokens_.expire(reservation->token_digest);
    return domain::ok_status();
  });
}

void ReservationsModule::add_methods(MethodTable& methods) {
  add_wallet_methods(methods, {parts_.core, wallets_});
  add_reservation_methods(methods,
                          {parts_.core, parts_.server, reservations_, parts_.reader, parts_.ids});
  add_token_methods(methods, {parts_.server, tokens_, parts_.clock, parts_.token_ttl_ms});
}

ReservationFigures ReservationsModule::figures() const {
  return {.live_holds = live_holds_,
          .tokens = tokens_.size(),
          .sold = sold_,
          .token_expiry_failures = parts_.events.failures()};
}

}  // namespace outboxd::daemon
