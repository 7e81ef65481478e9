// outboxctl token issue | check
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "client/ctl/command_line.h"
#include "client/ctl/durations.h"
#include "client/ctl/overview.h"
#include "client/ctl/token.h"

namespace outboxd::ctl {
namespace {

void add_issue(CommandLine line, CLI::App& token) {
  struct Issue {
    std::string user;
    std::optional<std::chrono::milliseconds> ttl;
  };
  auto given = std::make_shared<Issue>();
  CLI::App& issue = *token.add_subcommand("issue", "Let a user pay once");
  issue.add_option("USER", given->user, "Who may pay with it")->required();
  add_duration_option(issue, "--ttl", given->ttl, "How long it is valid [the daemon's choice]");
  issue.callback([line, given] {
    line.chosen = [given](Session& session) {
      Json arguments = {{"user_id", given->user}};
      if (given->ttl) arguments["ttl_ms"] = given->ttl->count();
      return session.show("token.issue", std::move(arguments), print_entity);
    };
  });
}

void add_check(CommandLine line, CLI::App& token) {
  struct Check {
    std::string user;
    std::string token;
  };
  auto given = std::make_shared<Check>();
  CLI::App& check = *token.add_subcommand("check", "Say whether a user could pay with a token");
  check.add_option("USER", given->user, "Who would pay with it")->required();
  add_token_option(check, given->token);
  check.callback([line, given] {
    line.chosen = [given](Session& session) {
      return session.show("token.check",
                          {{"user_id", given->user}, {"token", read_token(given->token)}},
                          print_entity);
    };
  });
}

}  // namespace

void add_token_commands(CommandLine line) {
  CLI::App& token = *line.app.add_subcommand("token", "Issue and check the tokens that pay");
  token.require_subcommand(1);
  add_issue(line, token);
  add_check(line, token);
}

}  // namespace outboxd::ctl
