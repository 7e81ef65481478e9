// outboxctl wallet deposit | get
#include <cstdint>
#include <memory>
#include <string>

#include "client/ctl/command_line.h"
#include "client/ctl/creation.h"
#include "client/ctl/overview.h"
#include "client/ctl/points.h"

namespace outboxd::ctl {
namespace {

struct NewDeposit {
  std::string id;
  std::string user;
  std::int64_t points = 0;
};

ExitStatus deposit(Session& session, const NewDeposit& given) {
  return create(session, "wallet.deposit",
                {.argument = "deposit_id", .what = "the deposit", .given = given.id},
                {{"user_id", given.user}, {"points", given.points}}, print_entity);
}

void add_deposit(CommandLine line, CLI::App& wallet) {
  auto given = std::make_shared<NewDeposit>();
  CLI::App& command = *wallet.add_subcommand("deposit", "Put points into a wallet");
  command.add_option("--id", given->id,
                     "The deposit's id; the same again changes nothing [random]");
  command.add_option("--user", given->user, "Whose wallet")->required();
  add_points_option(command, "--points", given->points, "How many, 1 or more");
  command.callback([line, given] {
    line.chosen = [given](Session& session) { return deposit(session, *given); };
  });
}

void add_wallet_get(CommandLine line, CLI::App& wallet) {
  auto user = std::make_shared<std::string>();
  CLI::App& get = *wallet.add_subcommand("get", "Show how many points a user has");
  get.add_option("USER", *user)->required();
  get.callback([line, user] {
    line.chosen = [user](Session& session) {
      return session.show("wallet.get", {{"user_id", *user}}, print_entity);
    };
  });
}

}  // namespace

void add_wallet_commands(CommandLine line) {
  CLI::App& wallet = *line.app.add_subcommand("wallet", "Put points into wallets, and count them");
  wallet.require_subcommand(1);
  add_deposit(line, wallet);
  add_wallet_get(line, wallet);
}

}  // namespace outboxd::ctl
