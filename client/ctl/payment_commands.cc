// outboxctl payment get | list
#include <memory>
#include <string>

#include "client/ctl/command_line.h"
#include "client/ctl/format.h"
#include "client/ctl/listing.h"
#include "client/ctl/table.h"

namespace outboxd::ctl {
namespace {

// A payment is called by its own id, or by what it pays for.
struct PaymentName {
  std::string payment_id;
  std::string order_id;
  std::string source;
  std::string reservation_id;
};

struct PaymentList {
  std::string status;
  ListOptions list;
};

std::string amount_of(const Json& payment) {
  if (payment.contains("points")) return format_member(payment, "points") + " points";
  return format_money(payment.value("amount", std::int64_t{0}), payment.value("currency", ""));
}

void print_payment(std::ostream& out, const Json& payment) {
  Fields fields;
  for (const auto& [name, value] : payment.items()) {
    if (name == "currency") continue;
    fields.emplace_back(name, name == "amount" ? amount_of(payment) : format_value(name, value));
  }
  print_fields(out, fields);
}

Json arguments_of(const PaymentName& name) {
  Json arguments = Json::object();
  if (!name.payment_id.empty()) arguments["payment_id"] = name.payment_id;
  if (!name.order_id.empty()) arguments["order_id"] = name.order_id;
  if (!name.source.empty()) arguments["source"] = name.source;
  if (!name.reservation_id.empty()) arguments["reservation_id"] = name.reservation_id;
  return arguments;
}

void add_payment_get(CommandLine line, CLI::App& payment) {
  auto name = std::make_shared<PaymentName>();
  CLI::App& get = *payment.add_subcommand("get", "Show a payment");
  CLI::App& which = *get.add_option_group("which payment");
  CLI::Option* id = which.add_option("ID", name->payment_id, "The payment's id");
  which.add_option("--order", name->order_id, "The payment of this order");
  which.add_option("--reservation", name->reservation_id, "The payment of this reservation");
  which.require_option(1);
  get.add_option("--source", name->source,
                 "The producer of the order or of the reservation [this one]")
      ->excludes(id);
  get.callback([line, name] {
    line.chosen = [name](Session& session) {
      return session.show("payment.get", arguments_of(*name), print_payment);
    };
  });
}

ExitStatus list_payments(Session& session, const PaymentList& given) {
  Listing listing{
      .method = "payment.list",
      .plural = "payments",
      .table = Table({{"PAYMENT"},
                      {"STATUS"},
                      {"AMOUNT", Align::kRight},
                      {"PAYS FOR"},
                      {"SOURCE"},
                      {"ATTEMPTS", Align::kRight},
                      {"FAILURE"},
                      {"CREATED"}}),
      .add_row = [](Table& table, const Json& payment) {
        table.add(
            {format_member(payment, "payment_id"), format_member(payment, "status"),
             amount_of(payment),
             format_member(payment, payment.contains("order_id") ? "order_id" : "reservation_id"),
             format_member(payment, "source"), format_member(payment, "attempts"),
             format_member(payment, "failure"), format_member(payment, "created_at")});
      }};
  if (!given.status.empty()) listing.arguments["status"] = given.status;
  return print_list(session, std::move(listing), given.list);
}

void add_payment_list(CommandLine line, CLI::App& payment) {
  auto given = std::make_shared<PaymentList>();
  CLI::App& list = *payment.add_subcommand("list", "List payments");
  list.add_option("--status", given->status, "COMPLETED, FAILED or REFUNDED [any]");
  add_list_options(list, given->list);
  list.callback([line, given] {
    line.chosen = [given](Session& session) { return list_payments(session, *given); };
  });
}

}  // namespace

void add_payment_commands(CommandLine line) {
  CLI::App& payment = *line.app.add_subcommand("payment", "Look at payments");
  payment.require_subcommand(1);
  add_payment_get(line, payment);
  add_payment_list(line, payment);
}

}  // namespace outboxd::ctl
