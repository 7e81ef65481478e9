// The payments module: pays the orders of all boxes whose events reach it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "daemon/group_commit.h"
#include "daemon/inbox/inbox.h"
#include "daemon/payments/gateway_calls.h"
#include "daemon/payments/payment_counters.h"
#include "daemon/services/payment_service.h"
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
};

// Consumes the topics `orders` and `reservations`, and the dead letters of its own group there:
//
//   order.created            charge ── approved ────▶ COMPLETED, payment.completed
//                                   ── declined ────▶ FAILED, payment.failed
//                                   ── unavailable ─▶ delivered again later
//   order.created, dead      FAILED (dead_lettered), payment.failed
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
// Core thread only; the parts outlive it.
class PaymentsModule : public EventConsumer {
 public:
  explicit PaymentsModule(PaymentsModuleParts parts) : parts_(parts) {}

  // Asks for the events, up to `credit` of each topic at a time.
  void subscribe(std::size_t credit);

  void consume(const InboxEvent& event, DeliveryId delivery) override;

  [[nodiscard]] const PaymentCounters& counters() const { return counters_; }

 private:
  void charge(const InboxEvent& event, std::string_view data, DeliveryId delivery);
  void charged(const domain::PaymentDue& due, std::uint32_t attempt, DeliveryId delivery,
               const domain::GatewayAnswer& answer);
  void give_up(const InboxEvent& event, std::string_view data, DeliveryId delivery);
  void book(const InboxEvent& event, std::string_view data, DeliveryId delivery);
  void refund(const InboxEvent& event, std::string_view data, DeliveryId delivery);
  void refunded(const domain::PaymentId& id, bool is_dead_letter, DeliveryId delivery,
                const domain::GatewayAnswer& answer);
  domain::Result<std::optional<domain::PaymentSnapshot>> find(const domain::PaymentId& id);
  void call(DeliveryId delivery, GatewayCalls::Call call, GatewayCalls::Answered answered);
  void acknowledge(DeliveryId delivery);

  const PaymentsModuleParts parts_;
  PaymentCounters counters_;
  transport::Document document_;  // scratch
};

}  // namespace outboxd::daemon
