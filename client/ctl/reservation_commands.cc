// outboxctl reservation hold | pay | get | list | cancel
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "client/ctl/command_line.h"
#include "client/ctl/creation.h"
#include "client/ctl/durations.h"
#include "client/ctl/format.h"
#include "client/ctl/listing.h"
#include "client/ctl/overview.h"
#include "client/ctl/points.h"
#include "client/ctl/table.h"
#include "client/ctl/token.h"

namespace outboxd::ctl {
namespace {

struct NewHold {
  std::string id;
  std::string user;
  std::string item;
  std::int64_t price_points = 0;
  std::optional<std::chrono::milliseconds> ttl;
};

ExitStatus hold(Session& session, const NewHold& given) {
  Json arguments = {
      {"user_id", given.user}, {"item_id", given.item}, {"price_points", given.price_points}};
  if (given.ttl) arguments["ttl_ms"] = given.ttl->count();
  return create(session, "reservation.hold",
                {.argument = "reservation_id", .what = "the reservation", .given = given.id},
                arguments, print_entity);
}

void add_reservation_hold(CommandLine line, CLI::App& reservation) {
  auto given = std::make_shared<NewHold>();
  CLI::App& command =
      *reservation.add_subcommand("hold", "Keep an item for a user until it is paid");
  command.add_option("--id", given->id,
                     "The reservation's id; the same again changes nothing [random]");
  command.add_option("--user", given->user, "Who will pay")->required();
  command.add_option("--item", given->item, "What is kept, such as seat-12")->required();
  add_points_option(command, "--price", given->price_points, "In points, 1 or more");
  add_duration_option(command, "--ttl", given->ttl, "How long it is kept [the daemon's choice]");
  command.callback(
      [line, given] { line.chosen = [given](Session& session) { return hold(session, *given); }; });
}

void add_reservation_pay(CommandLine line, CLI::App& reservation) {
  struct Payment {
    std::string id;
    std::string user;
    std::string token;
  };
  auto given = std::make_shared<Payment>();
  CLI::App& pay = *reservation.add_subcommand("pay", "Pay for an item that is held");
  pay.add_option("ID", given->id)->required();
  pay.add_option("--user", given->user, "Who holds it")->required();
  add_token_option(pay, given->token);
  pay.callback([line, given] {
    line.chosen = [given](Session& session) {
      return session.show("reservation.pay",
                          {{"reservation_id", given->id},
                           {"user_id", given->user},
                           {"token", read_token(given->token)}},
                          print_entity);
    };
  });
}

void add_reservation_get(CommandLine line, CLI::App& reservation) {
  auto id = std::make_shared<std::string>();
  CLI::App& get = *reservation.add_subcommand("get", "Show a reservation");
  get.add_option("ID", *id)->required();
  get.callback([line, id] {
    line.chosen = [id](Session& session) {
      return session.show("reservation.get", {{"reservation_id", *id}}, print_entity);
    };
  });
}

struct ReservationList {
  std::string status;
  ListOptions list;
};

ExitStatus list_reservations(Session& session, const ReservationList& given) {
  Listing listing{
      .method = "reservation.list",
      .plural = "reservations",
      .table = Table({{"RESERVATION"},
                      {"STATUS"},
                      {"POINTS", Align::kRight},
                      {"ITEM"},
                      {"USER"},
                      {"HELD UNTIL"},
                      {"PAID AT"}}),
      .add_row = [](Table& table, const Json& reservation) {
        table.add({format_member(reservation, "reservation_id"),
                   format_member(reservation, "status"), format_member(reservation, "price_points"),
                   format_member(reservation, "item_id"), format_member(reservation, "user_id"),
                   format_member(reservation, "held_until"),
                   format_member(reservation, "paid_at")});
      }};
  if (!given.status.empty()) listing.arguments["status"] = given.status;
  return print_list(session, std::move(listing), given.list);
}

void add_reservation_list(CommandLine line, CLI::App& reservation) {
  auto given = std::make_shared<ReservationList>();
  CLI::App& list = *reservation.add_subcommand("list", "List reservations");
  list.add_option("--status", given->status, "HELD, PAID, CANCELLED or EXPIRED [any]");
  add_list_options(list, given->list);
  list.callback([line, given] {
    line.chosen = [given](Session& session) { return list_reservations(session, *given); };
  });
}

void add_reservation_cancel(CommandLine line, CLI::App& reservation) {
  struct Cancellation {
    std::string id;
    std::string reason;
  };
  auto given = std::make_shared<Cancellation>();
  CLI::App& cancel = *reservation.add_subcommand("cancel", "Give up an item that is still HELD");
  cancel.add_option("ID", given->id)->required();
  cancel.add_option("--reason", given->reason, "Why, for whoever asks");
  cancel.callback([line, given] {
    line.chosen = [given](Session& session) {
      Json arguments = {{"reservation_id", given->id}};
      if (!given->reason.empty()) arguments["reason"] = given->reason;
      return session.show("reservation.cancel", std::move(arguments), print_entity);
    };
  });
}

}  // namespace

void add_reservation_commands(CommandLine line) {
  CLI::App& reservation =
      *line.app.add_subcommand("reservation", "Hold items, pay for them, and give them up");
  reservation.require_subcommand(1);
  add_reservation_hold(line, reservation);
  add_reservation_pay(line, reservation);
  add_reservation_get(line, reservation);
  add_reservation_list(line, reservation);
  add_reservation_cancel(line, reservation);
}

}  // namespace outboxd::ctl
