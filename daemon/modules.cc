#include "daemon/modules.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "daemon/api/order_methods.h"
#include "daemon/api/payment_methods.h"

namespace outboxd::daemon {
namespace {

// What comes for an order costs a commit and nothing else.
constexpr std::size_t kSettlementCredit = 1024;

// The methods of a module that does not run say so, rather than that nobody knows them.
void refuse(MethodTable& methods, const std::string& module,
            std::initializer_list<const char*> names) {
  for (const std::string name : names) {
    methods.add(name, Access::kRead, [module, name](const transport::Request&) -> domain::Status {
      return domain::Error{domain::ErrorCode::kUnknownMethod,
                           name + " belongs to the module " + module +
                               ", which does not run here (modules in the configuration)",
                           "method"};
    });
  }
}

}  // namespace

Modules::Payments::Payments(const ModulesParts& parts)
    : service(parts.events, parts.clock),
      calls(parts.payment_gateway, static_cast<std::size_t>(parts.config.payments.workers),
            [&loop = parts.loop](std::function<void()> job) { loop.post(std::move(job)); }),
      module({.inbox = parts.inbox,
              .commits = parts.core,
              .payments = service,
              .gateway = calls,
              .clock = parts.clock,
              .gateway_workers = static_cast<std::size_t>(parts.config.payments.workers)}) {}

Modules::Modules(ModulesParts parts)
    : parts_(parts),
      orders_(parts_.events, parts_.clock),
      settlement_(parts_.inbox, orders_, parts_.config.producer) {
  if (runs(kPaymentsModule)) payments_.emplace(parts_);
  if (!runs(kReservationsModule)) return;
  reservations_.emplace(
      ReservationsModuleParts{.core = parts_.core,
                              .server = parts_.server,
                              .reader = parts_.reader,
                              .events = parts_.events,
                              .clock = parts_.clock,
                              .elapsed = parts_.elapsed,
                              .ids = parts_.ids,
                              .hold_ttl_ms = parts_.config.reservations.hold_ttl_ms,
                              .token_ttl_ms = parts_.config.reservations.token_ttl_ms});
}

void Modules::add_methods(MethodTable& methods) {
  if (runs(kOrdersModule)) {
    add_order_methods(methods, {parts_.core, parts_.server, orders_, parts_.reader, parts_.ids});
  } else {
    refuse(methods, kOrdersModule, {"order.create", "order.get", "order.list", "order.cancel"});
  }
  if (payments_) {
    add_payment_methods(methods, {parts_.core, parts_.server, payments_->service, parts_.reader,
                                  parts_.config.producer});
  } else {
    refuse(methods, kPaymentsModule, {"payment.get", "payment.list"});
  }
  if (reservations_) {
    reservations_->add_methods(methods);
  } else {
    refuse(methods, kReservationsModule,
           {"wallet.deposit", "wallet.get", "reservation.hold", "reservation.pay",
            "reservation.cancel", "reservation.get", "reservation.list", "token.issue",
            "token.check"});
  }
}

void Modules::subscribe() {
  if (runs(kOrdersModule)) settlement_.subscribe(kSettlementCredit);
  if (payments_) payments_->module.subscribe();
}

std::optional<PaymentCounters> Modules::payment_counters() const {
  if (!payments_) return std::nullopt;
  return payments_->module.counters();
}

std::optional<ReservationFigures> Modules::reservation_figures() const {
  if (!reservations_) return std::nullopt;
  return reservations_->figures();
}

bool Modules::runs(const std::string& module) const {
  const auto& modules = parts_.config.modules;
  return std::find(modules.begin(), modules.end(), module) != modules.end();
}

}  // namespace outboxd::daemon
