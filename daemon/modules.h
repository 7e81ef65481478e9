// The domain modules that the configuration asks for, put together on ports.
#pragma once

#include <optional>
#include <string>

#include "daemon/api/method_table.h"
#include "daemon/config.h"
#include "daemon/core.h"
#include "daemon/in_process_events.h"
#include "daemon/inbox/inbox.h"
#include "daemon/order_settlement.h"
#include "daemon/payments/gateway_calls.h"
#include "daemon/payments/payments_module.h"
#include "daemon/reservations_module.h"
#include "daemon/services/order_service.h"
#include "daemon/services/payment_service.h"
#include "domain/clock.h"
#include "domain/payment_gateway.h"
#include "domain/store.h"
#include "transport/ipc/event_loop.h"
#include "transport/ipc/server.h"

namespace outboxd::daemon {

// All of it outlives the modules.
struct ModulesParts {
  const Config& config;
  transport::EventLoop& loop;
  transport::Server& server;
  Core& core;
  Inbox& inbox;
  domain::DurableReader& reader;
  InProcessEvents& events;
  const domain::Clock& clock;
  const domain::ElapsedTime& elapsed;
  domain::IdGenerator& ids;
  domain::PaymentGateway& payment_gateway;
};

// `orders`: the methods order.*, and the settlement of orders by their payments.
// `payments`: the methods payment.*, the payment of orders, and the books of reservations.
// `reservations`: the methods wallet.*, reservation.* and token.*, and the end of holds.
//
// Core thread only. The destructor waits for calls of the payment gateway that are at hand.
class Modules {
 public:
  explicit Modules(ModulesParts parts);

  // Adds the methods; those of a module that does not run are refused with unknown_method.
  void add_methods(MethodTable& methods);

  // Asks for the events that the modules consume.
  void subscribe();

  [[nodiscard]] OrderService& orders() { return orders_; }

  // Nothing when `payments` does not run.
  [[nodiscard]] std::optional<PaymentCounters> payment_counters() const;

  // Null when `reservations` does not run.
  [[nodiscard]] ReservationsModule* reservations() {
    return reservations_ ? &*reservations_ : nullptr;
  }
  [[nodiscard]] std::optional<ReservationFigures> reservation_figures() const;

 private:
  // What only the payments module needs, its threads above all.
  struct Payments {
    explicit Payments(const ModulesParts& parts);

    PaymentService service;
    GatewayCalls calls;
    PaymentsModule module;
  };

  [[nodiscard]] bool runs(const std::string& module) const;

  const ModulesParts parts_;
  OrderService orders_;
  OrderSettlement settlement_;
  std::optional<Payments> payments_;
  std::optional<ReservationsModule> reservations_;
};

}  // namespace outboxd::daemon
