// The order aggregate: what may be created, and what may become of it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "domain/event.h"
#include "domain/order_snapshot.h"
#include "domain/result.h"

namespace outboxd::domain {

inline constexpr std::string_view kOrdersTopic = "orders";

// Bounds of one order. 2,000 lines is three times the largest invoice of the sample data.
inline constexpr std::size_t kMaxOrderLines = 2000;
inline constexpr std::size_t kMaxSkuBytes = 64;
inline constexpr std::size_t kMaxDescriptionBytes = 256;
inline constexpr std::size_t kMaxReasonBytes = 256;

// What a caller asks for. `order_id` is the caller's, or freshly generated.
struct NewOrder {
  OrderId order_id;
  CustomerId customer_id;
  std::string payment_method;  // an identifier, such as "pm_ok_visa"
  Currency currency;
  std::vector<OrderLine> lines;
};

// An order with its rules. Status changes: CREATED -> PAID | PAYMENT_FAILED | EXPIRED | CANCELLED,
// all final. A payment that comes for an order which has ended otherwise is asked back, once:
// refund NONE -> REQUESTED -> REFUNDED. Records an event for every change but the last, which
// payment.refunded has told already. Not thread-safe; lives for one use case.
class Order {
 public:
  // A new order in CREATED, with `order.created` recorded. Errors: bad_request naming the argument,
  // when a line is missing, a quantity or price is not positive, a text is empty, too long or not
  // UTF-8, or the total overflows.
  static Result<Order> create(NewOrder request, TimestampMs now_ms);

  // The order that a repository returned.
  explicit Order(OrderSnapshot stored) : snapshot_(std::move(stored)) {}

  // True if `request` asks for exactly what this order was created from (G4).
  [[nodiscard]] bool was_created_from(const NewOrder& request) const;

  // CREATED -> CANCELLED, with `order.cancelled` recorded. `reason` may be empty. Errors:
  // invalid_state when the order has left CREATED, bad_request when `reason` is too long or not
  // UTF-8; nothing changes then.
  Status cancel(std::string reason, TimestampMs now_ms);

  // CREATED -> PAID, with `order.paid` recorded. Error: invalid_state; nothing changes then.
  Status pay(const PaymentId& payment_id, TimestampMs now_ms);

  // CREATED -> PAYMENT_FAILED, with `order.payment_failed` recorded. `failure` says why. Error:
  // invalid_state; nothing changes then.
  Status fail_payment(const PaymentId& payment_id, std::string failure, TimestampMs now_ms);

  // CREATED -> EXPIRED, with `order.expired` recorded. Error: invalid_state; nothing changes then.
  Status expire(std::string reason, TimestampMs now_ms);

  // The order has ended without `payment_id`, which was completed all the same: it is asked back,
  // with `order.refund_requested` recorded. Error: invalid_state when the order is CREATED or PAID,
  // or has asked a payment back already; nothing changes then.
  Status request_refund(const PaymentId& payment_id, TimestampMs now_ms);

  // The payment that was asked back is refunded. Error: invalid_state when none was asked back, or
  // another; nothing changes then.
  Status note_refunded(const PaymentId& payment_id, TimestampMs now_ms);

  [[nodiscard]] const OrderSnapshot& snapshot() const { return snapshot_; }

  // Tells the order the sequence number that its last recorded event was given.
  void note_published(Seq seq);

  [[nodiscard]] EventArchive& events() { return events_; }

 private:
  Status move_to(OrderStatus status, TimestampMs now_ms);
  [[nodiscard]] Error refused(const std::string& why) const;
  void record(std::string_view type);

  OrderSnapshot snapshot_;
  EventArchive events_;
};

}  // namespace outboxd::domain
