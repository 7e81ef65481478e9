// The payments module: pays the orders of all boxes whose events reach it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/group_commit.h"
#include "daemon/inbox/inbox.h"
#include "daemon/payments/credit_pacer.h"
#include "daemon/payments/gateway_calls.h"
#include "daemon/payments/payment_counters.h"
#include "daemon/services/payment_service.h"
#include "domain/clock.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::daemon {

inline constexpr const char* kPaymentsGroup = "payments";
inline constexpr const char* kDeadOrdersTopic = "dead:orders:payments";
inline constexpr const char* kDeadReservationsTopic = "dead:reservations:payments";

struct PaymentsModuleParts {
  Inbox& inbox;
  GroupCommit& commits;
  PaymentService& payments;
  GatewayCalls& gateway;
  const domain::Clock& clock;
  std::size_t gateway_workers = 1;  // calls at a time
};

// Consumes the topics `orders` and `reservations`, and the dead letters of its own group there:
//
//   order.created            charge ── approved ────▶ COMPLETED, payment.completed
//                                   ── declined ────▶ FAILED, payment.failed
//                                   ── unavailable ─▶ delivered again later
//   order.created, dead      the same, but:
//                                   ── unavailable ─▶ FAILED (dead_lettered), payment.failed
//   order.refund_requested   refund ── approved ────▶ REFUNDED, payment.refunded
//                                   ── declined ────▶ dead letter, for people
//                                   ── unavailable ─▶ delivered again later; as a dead letter, for
//                                                     as long as it takes
//   reservation.paid, dead   COMPLETED, payment.completed: the points are gone already
//     or not
//   anything else            no effect
//
// The gateway is called with the event's identity as the idempotency key. When the process dies
// between the answer and the commit, the event comes again and the call is repeated under the same
// key: no money moves twice. What was decided is not asked for again, and an event whose data
// cannot be understood becomes a dead letter.
//
// An order's dead letter is asked about once more, under the same key, because the attempts it died
// of may have moved the money: this process may have been killed between answer and commit each
// time. A letter that has died with this process kLastQuestions times is given up unasked: an order
// that kills its payer must not do so for ever.
//
// Core thread only; the parts outlive it.
class PaymentsModule : public EventConsumer {
 public:
  // More often than a box is switched off within a few minutes. With 4, as often as an event is
  // tried, 13 of a million simulated schedules ended with money taken for an order that failed.
  static constexpr std::uint32_t kLastQuestions = 20;

  explicit PaymentsModule(PaymentsModuleParts parts);

  // Asks for the events: of orders, as many at a time as the gateway keeps up with.
  void subscribe();

  void consume(const InboxEvent& event, DeliveryId delivery) override;

  [[nodiscard]] const PaymentCounters& counters() const { return counters_; }

 private:
  // A delivery of order.created.
  struct Order {
    domain::PaymentDue due;
    DeliveryId delivery;
    std::uint32_t attempt = 0;         // of a dead letter: 0, for only the broker knows
    std::optional<std::string> death;  // why it died; nothing: it is no dead letter
  };

  void subscribe_to_orders();
  void pay(const InboxEvent& event, std::string_view data, DeliveryId delivery);
  void decided(const InboxEvent& event, const domain::PaymentDue& due,
               const domain::PaymentSnapshot& payment, DeliveryId delivery);
  void charge(Order order, std::string key);
  void charged(const Order& order, const domain::GatewayAnswer& answer);
  void give_up(const Order& order);
  // `failure` is a constant of domain/payment.h.
  void fail(const Order& order, std::string_view failure, const std::string& detail);
  void book(const InboxEvent& event, std::string_view data, DeliveryId delivery);
  void refund(const InboxEvent& event, std::string_view data, DeliveryId delivery);
  void refunded(const domain::PaymentId& id, bool is_dead_letter, DeliveryId delivery,
                const domain::GatewayAnswer& answer);
  domain::Result<std::optional<domain::PaymentSnapshot>> find(const domain::PaymentId& id);
  void call(DeliveryId delivery, GatewayCalls::Call call, GatewayCalls::Answered answered);
  void acknowledge(DeliveryId delivery);

  const PaymentsModuleParts parts_;
  CreditPacer pacer_;
  PaymentCounters counters_;
  transport::Document document_;  // scratch
};

}  // namespace outboxd::daemon
