// outboxctl order create | get | list | cancel
#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include "client/ctl/command_line.h"
#include "client/ctl/creation.h"
#include "client/ctl/format.h"
#include "client/ctl/listing.h"
#include "client/ctl/table.h"

namespace outboxd::ctl {
namespace {

struct NewOrder {
  std::string id;
  std::string customer;
  std::string payment_method;
  std::string currency;
  std::vector<std::string> lines;
};

template <typename Integer>
bool parse_whole(std::string_view text, Integer& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// SKU:QTY:PRICE; the SKU may contain colons itself.
Json parse_line(const std::string& text) {
  const std::size_t price_at = text.rfind(':');
  const std::size_t quantity_at =
      price_at == std::string::npos || price_at == 0 ? price_at : text.rfind(':', price_at - 1);
  std::int64_t quantity = 0;
  std::int64_t price = 0;
  if (price_at == std::string::npos || quantity_at == std::string::npos ||
      !parse_whole(text.substr(quantity_at + 1, price_at - quantity_at - 1), quantity) ||
      !parse_whole(text.substr(price_at + 1), price)) {
    throw CLI::ValidationError(
        "--line",
        "must be SKU:QTY:PRICE with whole numbers, the price in minor units (255 for "
        "2.55), not " +
            text);
  }
  return {{"sku", text.substr(0, quantity_at)}, {"quantity", quantity}, {"unit_price", price}};
}

std::string total_of(const Json& order) {
  return format_money(order.value("total", std::int64_t{0}), order.value("currency", ""));
}

void print_order(std::ostream& out, const Json& order) {
  Fields fields;
  for (const auto& [name, value] : order.items()) {
    if (name == "lines" || name == "currency") continue;
    fields.emplace_back(name, name == "total" ? total_of(order) : format_value(name, value));
  }
  print_fields(out, fields);
  Table lines(
      {{"SKU"}, {"QUANTITY", Align::kRight}, {"UNIT PRICE", Align::kRight}, {"DESCRIPTION"}});
  const std::string currency = order.value("currency", "");
  for (const Json& line : order.value("lines", Json::array())) {
    lines.add({line.value("sku", ""), format_count(line.value("quantity", std::uint64_t{0})),
               format_money(line.value("unit_price", std::int64_t{0}), currency),
               line.value("description", "")});
  }
  out << '\n';
  lines.print(out);
}

ExitStatus create_order(Session& session, const NewOrder& order, const Json& lines) {
  return create(session, "order.create",
                {.argument = "order_id", .what = "the order", .given = order.id},
                {{"customer_id", order.customer},
                 {"payment_method", order.payment_method},
                 {"currency", order.currency},
                 {"lines", lines}},
                print_order);
}

void add_order_create(CommandLine line, CLI::App& order) {
  auto given = std::make_shared<NewOrder>();
  CLI::App& create_app = *order.add_subcommand("create", "Create an order");
  create_app.add_option("--id", given->id,
                        "The order's id; the same again changes nothing [random]");
  create_app.add_option("--customer", given->customer, "The customer's id")->required();
  create_app.add_option("--payment-method", given->payment_method, "Such as pm_ok")->required();
  create_app.add_option("--currency", given->currency, "ISO 4217 code, such as GBP")->required();
  create_app.add_option("--line", given->lines, "A line; PRICE is for one, in minor units")
      ->required()
      ->type_name("SKU:QTY:PRICE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  create_app.callback([line, given] {
    Json lines = Json::array();
    for (const std::string& text : given->lines) lines.push_back(parse_line(text));
    line.chosen = [given, lines](Session& session) { return create_order(session, *given, lines); };
  });
}

void add_order_get(CommandLine line, CLI::App& order) {
  auto id = std::make_shared<std::string>();
  CLI::App& get = *order.add_subcommand("get", "Show an order");
  get.add_option("ID", *id)->required();
  get.callback([line, id] {
    line.chosen = [id](Session& session) {
      return session.show("order.get", {{"order_id", *id}}, print_order);
    };
  });
}

struct OrderList {
  std::string status;
  ListOptions list;
};

ExitStatus list_orders(Session& session, const OrderList& given) {
  Listing listing{
      .method = "order.list",
      .plural = "orders",
      .table = Table({{"ORDER"},
                      {"STATUS"},
                      {"TOTAL", Align::kRight},
                      {"LINES", Align::kRight},
                      {"CUSTOMER"},
                      {"CREATED"}}),
      .add_row = [](Table& table, const Json& order) {
        table.add({format_member(order, "order_id"), format_member(order, "status"),
                   total_of(order), format_count(order.value("lines", Json::array()).size()),
                   format_member(order, "customer_id"), format_member(order, "created_at")});
      }};
  if (!given.status.empty()) listing.arguments["status"] = given.status;
  return print_list(session, std::move(listing), given.list);
}

void add_order_list(CommandLine line, CLI::App& order) {
  auto given = std::make_shared<OrderList>();
  CLI::App& list = *order.add_subcommand("list", "List orders");
  list.add_option("--status", given->status,
                  "CREATED, PAID, PAYMENT_FAILED, EXPIRED or CANCELLED [any]");
  add_list_options(list, given->list);
  list.callback([line, given] {
    line.chosen = [given](Session& session) { return list_orders(session, *given); };
  });
}

void add_order_cancel(CommandLine line, CLI::App& order) {
  struct Cancellation {
    std::string id;
    std::string reason;
  };
  auto given = std::make_shared<Cancellation>();
  CLI::App& cancel = *order.add_subcommand("cancel", "Cancel an order that is still CREATED");
  cancel.add_option("ID", given->id)->required();
  cancel.add_option("--reason", given->reason, "Why, for whoever asks");
  cancel.callback([line, given] {
    line.chosen = [given](Session& session) {
      Json arguments = {{"order_id", given->id}};
      if (!given->reason.empty()) arguments["reason"] = given->reason;
      return session.show("order.cancel", std::move(arguments), print_order);
    };
  });
}

}  // namespace

void add_order_commands(CommandLine line) {
  CLI::App& order = *line.app.add_subcommand("order", "Create, show, cancel and import orders");
  order.require_subcommand(1);
  add_order_create(line, order);
  add_order_get(line, order);
  add_order_list(line, order);
  add_order_cancel(line, order);
  add_import_command(line, order);
}

}  // namespace outboxd::ctl
