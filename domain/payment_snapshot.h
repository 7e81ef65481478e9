// A payment as data: what is stored, shown and sent. Its rules are in domain/payment.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "domain/clock.h"
#include "domain/ids.h"
#include "domain/money.h"
#include "domain/wallet_snapshot.h"

namespace outboxd::domain {

enum class PaymentStatus : std::uint8_t {
  kCompleted = 0,
  kFailed = 1,
  kRefunded = 2,  // was completed, for an order that could not take it any more
};

// The status's name on the wire, such as "COMPLETED".
std::string_view name_of(PaymentStatus status);

// The status called `name`, or a bad_request for the argument "status".
Result<PaymentStatus> parse_payment_status(std::string_view name);

// Money for an order, moved by the gateway.
struct OrderCharge {
  OrderId order_id;
  MinorUnits amount = 0;
  Currency currency;
  std::string payment_method;

  friend bool operator==(const OrderCharge&, const OrderCharge&) = default;
};

// Points for a reservation, deducted already when the reservation was paid.
struct ReservationCharge {
  ReservationId reservation_id;
  Points points = 0;

  friend bool operator==(const ReservationCharge&, const ReservationCharge&) = default;
};

// What was paid for, and with what.
using PaymentSubject = std::variant<OrderCharge, ReservationCharge>;

struct PaymentSnapshot {
  PaymentId payment_id;  // payment_id_of(source, and what its subject names)
  std::string source;    // the producer of the order or the reservation, an identifier
  PaymentSubject subject;
  PaymentStatus status = PaymentStatus::kCompleted;
  std::uint32_t attempts = 0;     // deliveries of the event until the payment was decided
  std::string failure;            // "declined", "dead_lettered"; empty: the payment did not fail
  std::string failure_detail;     // what the gateway, or the dead letter, said about it
  std::string gateway_reference;  // the gateway's name for the charge; empty: it gave none
  TimestampMs created_at_ms = 0;
  TimestampMs updated_at_ms = 0;
  Seq decided_seq = 0;   // outbox sequence number of payment.completed or payment.failed
  Seq refunded_seq = 0;  // of payment.refunded, or 0

  friend bool operator==(const PaymentSnapshot&, const PaymentSnapshot&) = default;
};

}  // namespace outboxd::domain
