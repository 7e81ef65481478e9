#include "domain/order.h"

#include <array>
#include <utility>

#include "domain/status_names.h"
#include "domain/text.h"

namespace outboxd::domain {
namespace {

constexpr std::array kOrderStatusNames = {
    StatusName{OrderStatus::kCreated, "CREATED"},
    StatusName{OrderStatus::kPaid, "PAID"},
    StatusName{OrderStatus::kPaymentFailed, "PAYMENT_FAILED"},
    StatusName{OrderStatus::kExpired, "EXPIRED"},
    StatusName{OrderStatus::kCancelled, "CANCELLED"},
};

std::string line_argument(std::size_t index, std::string_view field) {
  return "lines[" + std::to_string(index) + "]." + std::string(field);
}

Status check_line(const OrderLine& line, std::size_t index) {
  OUTBOXD_TRY(check_text(line.sku, line_argument(index, "sku"), 1, kMaxSkuBytes));
  OUTBOXD_TRY(
      check_text(line.description, line_argument(index, "description"), 0, kMaxDescriptionBytes));
  if (line.quantity <= 0) {
    const std::string argument = line_argument(index, "quantity");
    return bad_request(argument,
                       argument + " must be at least 1, not " + std::to_string(line.quantity));
  }
  if (line.unit_price <= 0) {
    const std::string argument = line_argument(index, "unit_price");
    return bad_request(argument, argument + " must be at least 1 minor unit, not " +
                                     std::to_string(line.unit_price));
  }
  return ok_status();
}

// The sum over all lines; every line has been checked already.
Result<MinorUnits> total_of(const std::vector<OrderLine>& lines) {
  MinorUnits total = 0;
  for (const OrderLine& line : lines) {
    const auto amount = checked_multiply(line.unit_price, line.quantity);
    const auto sum = amount ? checked_add(total, *amount) : std::nullopt;
    if (!sum)
      return bad_request("lines", "the total of the lines exceeds 9223372036854775807 minor units");
    total = *sum;
  }
  return total;
}

Status check_lines(const std::vector<OrderLine>& lines) {
  if (lines.empty() || lines.size() > kMaxOrderLines) {
    return bad_request("lines", "lines must have 1 to " + std::to_string(kMaxOrderLines) +
                                    " entries, not " + std::to_string(lines.size()));
  }
  for (std::size_t i = 0; i < lines.size(); ++i) OUTBOXD_TRY(check_line(lines[i], i));
  return ok_status();
}

}  // namespace

std::string_view name_of(OrderStatus status) {
  return name_in(kOrderStatusNames, status);
}

std::string_view name_of(OrderRefund refund) {
  switch (refund) {
    case OrderRefund::kNone: return "";
    case OrderRefund::kRequested: return "REQUESTED";
    case OrderRefund::kRefunded: return "REFUNDED";
  }
  OUTBOXD_CHECK(false);
}

Result<OrderStatus> parse_order_status(std::string_view name) {
  if (const auto status = status_in(kOrderStatusNames, name)) return *status;
  return bad_request("status",
                     "status must be CREATED, PAID, PAYMENT_FAILED, EXPIRED or CANCELLED");
}

Result<Order> Order::create(NewOrder request, TimestampMs now_ms) {
  if (!is_valid_id(request.payment_method)) {
    return bad_request("payment_method",
                       "payment_method must be 1 to 64 characters from A-Z a-z 0-9 . _ : -");
  }
  OUTBOXD_TRY(check_lines(request.lines));
  OUTBOXD_ASSIGN_OR_RETURN(const MinorUnits total, total_of(request.lines));
  Order order(OrderSnapshot{.order_id = std::move(request.order_id),
                            .customer_id = std::move(request.customer_id),
                            .status = OrderStatus::kCreated,
                            .currency = request.currency,
                            .total = total,
                            .lines = std::move(request.lines),
                            .payment_method = std::move(request.payment_method),
                            .payment_id = std::nullopt,
                            .failure = {},
                            .created_at_ms = now_ms,
                            .updated_at_ms = now_ms});
  order.record("order.created");
  return order;
}

bool Order::was_created_from(const NewOrder& request) const {
  return snapshot_.order_id == request.order_id && snapshot_.customer_id == request.customer_id &&
         snapshot_.payment_method == request.payment_method &&
         snapshot_.currency == request.currency && snapshot_.lines == request.lines;
}

Status Order::cancel(std::string reason, TimestampMs now_ms) {
  OUTBOXD_TRY(check_text(reason, "reason", 0, kMaxReasonBytes));
  OUTBOXD_TRY(move_to(OrderStatus::kCancelled, now_ms));
  snapshot_.failure = std::move(reason);
  record("order.cancelled");
  return ok_status();
}

Status Order::pay(const PaymentId& payment_id, TimestampMs now_ms) {
  OUTBOXD_TRY(move_to(OrderStatus::kPaid, now_ms));
  snapshot_.payment_id = payment_id;
  record("order.paid");
  return ok_status();
}

Status Order::fail_payment(const PaymentId& payment_id, std::string failure, TimestampMs now_ms) {
  OUTBOXD_TRY(move_to(OrderStatus::kPaymentFailed, now_ms));
  snapshot_.payment_id = payment_id;
  snapshot_.failure = std::move(failure);
  record("order.payment_failed");
  return ok_status();
}

Status Order::expire(std::string reason, TimestampMs now_ms) {
  OUTBOXD_TRY(move_to(OrderStatus::kExpired, now_ms));
  snapshot_.failure = std::move(reason);
  record("order.expired");
  return ok_status();
}

Status Order::request_refund(const PaymentId& payment_id, TimestampMs now_ms) {
  if (snapshot_.status == OrderStatus::kCreated) return refused("it waits for this payment");
  if (snapshot_.status == OrderStatus::kPaid) return refused("it needs what it was paid with");
  if (snapshot_.refund != OrderRefund::kNone) return refused("it has asked a payment back already");
  snapshot_.payment_id = payment_id;
  snapshot_.refund = OrderRefund::kRequested;
  snapshot_.updated_at_ms = now_ms;
  record("order.refund_requested");
  return ok_status();
}

Status Order::note_refunded(const PaymentId& payment_id, TimestampMs now_ms) {
  if (snapshot_.refund != OrderRefund::kRequested || snapshot_.payment_id != payment_id) {
    return refused("it does not wait for a refund of " + payment_id.text());
  }
  snapshot_.refund = OrderRefund::kRefunded;
  snapshot_.updated_at_ms = now_ms;
  return ok_status();
}

void Order::note_published(Seq seq) {
  if (snapshot_.status == OrderStatus::kCreated) {
    snapshot_.created_seq = seq;
  } else if (snapshot_.refund == OrderRefund::kNone) {
    snapshot_.settled_seq = seq;
  }
}

Status Order::move_to(OrderStatus status, TimestampMs now_ms) {
  if (snapshot_.status != OrderStatus::kCreated) {
    return refused("only a CREATED order can become " + std::string(name_of(status)));
  }
  snapshot_.status = status;
  snapshot_.updated_at_ms = now_ms;
  return ok_status();
}

Error Order::refused(const std::string& why) const {
  return {ErrorCode::kInvalidState,
          "order " + snapshot_.order_id.text() + " is " + std::string(name_of(snapshot_.status)) +
              "; " + why,
          "order_id"};
}

void Order::record(std::string_view type) {
  events_.record(DomainEvent{.topic = std::string(kOrdersTopic),
                             .key = snapshot_.order_id.text(),
                             .type = std::string(type),
                             .time_ms = snapshot_.updated_at_ms,
                             .ttl_ms = std::nullopt,
                             .traceparent = {},
                             .payload = snapshot_});
}

}  // namespace outboxd::domain
