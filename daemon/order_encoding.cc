#include "daemon/order_encoding.h"

#include <string>
#include <utility>

#include "daemon/event_data.h"
#include "domain/time_format.h"

namespace outboxd::daemon {
namespace {

constexpr std::size_t kFieldsOfEveryOrder = 9;

void write_line(transport::Writer& writer, const domain::OrderLine& line) {
  const bool described = !line.description.empty();
  writer.map(described ? 4 : 3)
      .field("sku", line.sku)
      .field("quantity", line.quantity)
      .field("unit_price", line.unit_price);
  if (described) writer.field("description", line.description);
}

}  // namespace

void write_order(transport::Writer& writer, const domain::OrderSnapshot& order,
                 const MutationFields* mutation) {
  const std::string_view refund = name_of(order.refund);
  writer.map(kFieldsOfEveryOrder + (order.payment_id ? 1 : 0) + (order.failure.empty() ? 0 : 1) +
             (refund.empty() ? 0 : 1) + (mutation != nullptr ? MutationFields::kCount : 0));
  writer.field("order_id", order.order_id.text())
      .field("customer_id", order.customer_id.text())
      .field("status", name_of(order.status))
      .field("currency", order.currency.code())
      .field("total", order.total);
  writer.key("lines").array(order.lines.size());
  for (const domain::OrderLine& line : order.lines) write_line(writer, line);
  writer.field("payment_method", order.payment_method);
  if (order.payment_id) writer.field("payment_id", order.payment_id->text());
  if (!order.failure.empty()) writer.field("failure", order.failure);
  if (!refund.empty()) writer.field("refund", refund);
  const std::string created_at = domain::rfc3339(order.created_at_ms);
  writer.field("created_at", created_at);
  writer.field("updated_at", order.updated_at_ms == order.created_at_ms
                                 ? created_at
                                 : domain::rfc3339(order.updated_at_ms));
  if (mutation != nullptr) write_fields(writer, *mutation);
}

domain::Result<domain::PaymentDue> read_payment_due(std::string_view source,
                                                    std::string_view event_data) {
  EventData data;
  OUTBOXD_TRY(data.decode(event_data));
  OUTBOXD_ASSIGN_OR_RETURN(domain::OrderId order_id, data.id<domain::OrderId>("order_id"));
  OUTBOXD_ASSIGN_OR_RETURN(const domain::MinorUnits amount, data.integer("total"));
  OUTBOXD_ASSIGN_OR_RETURN(const std::string_view currency_code, data.string("currency"));
  OUTBOXD_ASSIGN_OR_RETURN(const domain::Currency currency, domain::Currency::parse(currency_code));
  OUTBOXD_ASSIGN_OR_RETURN(const std::string_view payment_method, data.string("payment_method"));
  if (amount <= 0) {
    return domain::bad_request(
        "data.total", "the event's data.total must be positive, not " + std::to_string(amount));
  }
  if (!domain::is_valid_id(source)) {
    return domain::bad_request("source", "the event's producer is no identifier");
  }
  if (!domain::is_valid_id(payment_method)) {
    return domain::bad_request("data.payment_method",
                               "the event's data.payment_method is no identifier");
  }
  return domain::PaymentDue{.source = std::string(source),
                            .order_id = std::move(order_id),
                            .amount = amount,
                            .currency = currency,
                            .payment_method = std::string(payment_method)};
}

}  // namespace outboxd::daemon
