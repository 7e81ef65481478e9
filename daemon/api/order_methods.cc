#include "daemon/api/order_methods.h"

#include <string>
#include <utility>
#include <vector>

#include "daemon/api/paging.h"
#include "daemon/order_encoding.h"
#include "transport/ipc/arguments.h"

namespace outboxd::daemon {
namespace {

using domain::Result;
using domain::Status;
using transport::Arguments;
using transport::Request;
using transport::Writer;

Result<domain::OrderLine> decode_line(const Arguments& line) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto sku, line.string("sku"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto quantity, line.integer("quantity"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto unit_price, line.integer("unit_price"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto description, line.optional_string("description"));
  return domain::OrderLine{.sku = std::string(sku),
                           .quantity = quantity,
                           .unit_price = unit_price,
                           .description = std::string(description.value_or(""))};
}

Result<std::vector<domain::OrderLine>> decode_lines(const Arguments& arguments) {
  OUTBOXD_ASSIGN_OR_RETURN(const std::vector<Arguments> entries,
                           arguments.maps("lines", true, domain::kMaxOrderLines,
                                          {"sku", "quantity", "unit_price", "description"}));
  std::vector<domain::OrderLine> lines;
  lines.reserve(entries.size());
  for (const Arguments& entry : entries) {
    OUTBOXD_ASSIGN_OR_RETURN(domain::OrderLine line, decode_line(entry));
    lines.push_back(std::move(line));
  }
  return lines;
}

Result<domain::NewOrder> decode_new_order(const Arguments& arguments, domain::IdGenerator& ids) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto given_id, arguments.optional_string("order_id"));
  OUTBOXD_ASSIGN_OR_RETURN(auto order_id, given_id ? domain::OrderId::parse(*given_id)
                                                   : domain::OrderId::parse(ids.next()));
  OUTBOXD_ASSIGN_OR_RETURN(const auto customer_text, arguments.string("customer_id"));
  OUTBOXD_ASSIGN_OR_RETURN(auto customer_id, domain::CustomerId::parse(customer_text));
  OUTBOXD_ASSIGN_OR_RETURN(const auto payment_method, arguments.string("payment_method"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto currency_code, arguments.string("currency"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto currency, domain::Currency::parse(currency_code));
  OUTBOXD_ASSIGN_OR_RETURN(auto lines, decode_lines(arguments));
  return domain::NewOrder{.order_id = std::move(order_id),
                          .customer_id = std::move(customer_id),
                          .payment_method = std::string(payment_method),
                          .currency = currency,
                          .lines = std::move(lines)};
}

void write_outcome(Writer& writer, const OrderOutcome& outcome) {
  const MutationFields mutation{.replayed = outcome.replayed, .seq = outcome.seq};
  write_order(writer, outcome.order, &mutation);
}

Status create(const OrderApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(
      const Arguments arguments,
      Arguments::of_params(request.params,
                           {"order_id", "customer_id", "payment_method", "currency", "lines"}));
  OUTBOXD_ASSIGN_OR_RETURN(domain::NewOrder order, decode_new_order(arguments, api.ids));
  api.core.execute(request.reply_to, [&](domain::UnitOfWork& work, Writer& writer) -> Status {
    OUTBOXD_ASSIGN_OR_RETURN(const OrderOutcome outcome, api.orders.create(std::move(order), work));
    write_outcome(writer, outcome);
    return domain::ok_status();
  });
  return domain::ok_status();
}

Result<domain::OrderId> decode_order_id(const Arguments& arguments) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto text, arguments.string("order_id"));
  return domain::OrderId::parse(text);
}

Status get(const OrderApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"order_id"}));
  OUTBOXD_ASSIGN_OR_RETURN(const domain::OrderId id, decode_order_id(arguments));
  api.core.execute(request.reply_to, [&](domain::UnitOfWork& work, Writer& writer) -> Status {
    OUTBOXD_ASSIGN_OR_RETURN(const domain::OrderSnapshot order, api.orders.get(id, work));
    write_order(writer, order);
    return domain::ok_status();
  });
  return domain::ok_status();
}

Status cancel(const OrderApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"order_id", "reason"}));
  OUTBOXD_ASSIGN_OR_RETURN(const domain::OrderId id, decode_order_id(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const auto reason, arguments.optional_string("reason"));
  api.core.execute(request.reply_to, [&](domain::UnitOfWork& work, Writer& writer) -> Status {
    OUTBOXD_ASSIGN_OR_RETURN(const OrderOutcome outcome,
                             api.orders.cancel(id, std::string(reason.value_or("")), work));
    write_outcome(writer, outcome);
    return domain::ok_status();
  });
  return domain::ok_status();
}

Status list(const OrderApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"status", "after", "limit"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto status_name, arguments.optional_string("status"));
  std::optional<domain::OrderStatus> status;
  if (status_name) {
    OUTBOXD_ASSIGN_OR_RETURN(status, domain::parse_order_status(*status_name));
  }
  OUTBOXD_ASSIGN_OR_RETURN(const domain::Page page, page_of(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const auto orders, api.reader.list_orders(status, page));
  api.server.reply(
      request.reply_to,
      encode_page(
          "orders", orders,
          [](Writer& writer, const domain::OrderSnapshot& order) { write_order(writer, order); },
          [](const domain::OrderSnapshot& order) { return order.order_id.text(); }));
  return domain::ok_status();
}

}  // namespace

void add_order_methods(MethodTable& methods, OrderApi api) {
  methods.add("order.create", Access::kWrite, [api](const Request& r) { return create(api, r); });
  methods.add("order.get", Access::kRead, [api](const Request& r) { return get(api, r); });
  methods.add("order.list", Access::kRead, [api](const Request& r) { return list(api, r); });
  methods.add("order.cancel", Access::kWrite, [api](const Request& r) { return cancel(api, r); });
}

}  // namespace outboxd::daemon
