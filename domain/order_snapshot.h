// An order as data: what is stored, shown and sent. Its rules are in domain/order.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/clock.h"
#include "domain/ids.h"
#include "domain/money.h"

namespace outboxd::domain {

enum class OrderStatus : std::uint8_t {
  kCreated = 0,
  kPaid = 1,
  kPaymentFailed = 2,
  kExpired = 3,
  kCancelled = 4,
};

// The status's name on the wire, such as "CREATED".
std::string_view name_of(OrderStatus status);

// The status called `name`, or a bad_request for the argument "status".
Result<OrderStatus> parse_order_status(std::string_view name);

// Where the money is of a payment that came for an order which had ended otherwise.
enum class OrderRefund : std::uint8_t {
  kNone = 0,       // there was no such payment
  kRequested = 1,  // order.refund_requested is out
  kRefunded = 2,   // payment.refunded came back
};

// The refund's name on the wire, such as "REQUESTED"; empty for kNone.
std::string_view name_of(OrderRefund refund);

struct OrderLine {
  std::string sku;
  std::int64_t quantity = 0;
  MinorUnits unit_price = 0;
  std::string description;  // empty: none

  friend bool operator==(const OrderLine&, const OrderLine&) = default;
};

struct OrderSnapshot {
  OrderId order_id;
  CustomerId customer_id;
  OrderStatus status = OrderStatus::kCreated;
  Currency currency;
  MinorUnits total = 0;  // sum of quantity * unit_price
  std::vector<OrderLine> lines;
  std::string payment_method;
  std::optional<PaymentId> payment_id;  // of the payment that settled it, or was refunded
  std::string failure;  // why the order did not end PAID; empty: no reason was given
  TimestampMs created_at_ms = 0;
  TimestampMs updated_at_ms = 0;
  Seq created_seq = 0;  // outbox sequence number of order.created
  Seq settled_seq = 0;  // of the event that took it out of CREATED, or 0
  OrderRefund refund = OrderRefund::kNone;

  friend bool operator==(const OrderSnapshot&, const OrderSnapshot&) = default;
};

}  // namespace outboxd::domain
