#include "client/ctl/command_line.h"

#include <algorithm>
#include <chrono>

#include "client/ctl/durations.h"
#include "client/ctl/table.h"

namespace outboxd::ctl {
namespace {

void add_settings(CLI::App& app, Settings& settings) {
  app.add_option("--socket", settings.socket, "The daemon's socket")
      ->envname("OUTBOXD_SOCKET")
      ->capture_default_str();
  app.add_option("--broker-socket", settings.broker_socket, "The broker's socket")
      ->envname("OUTBOX_BROKER_SOCKET")
      ->capture_default_str();
  app.add_flag("--json", settings.json, "Print one JSON object, or JSON lines");
  add_duration_option(app, "--timeout", settings.timeout, "How long to wait for an answer [10s]");
}

// One line, which names what was not understood.
ExitStatus fail_parsing(const CLI::App& app, const CLI::ParseError& error, std::ostream& err) {
  const std::vector<std::string> rest = app.remaining(/*recurse=*/true);
  err << "outboxctl: "
      << printable(rest.empty() ? error.what() : "there is no command or option " + rest.front())
      << "; see outboxctl --help\n";
  return kUsage;
}

}  // namespace

int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  Settings settings;
  Command chosen;
  CLI::App app("Looks at outboxd and hands it work", "outboxctl");
  app.fallthrough();
  app.require_subcommand(1);
  app.set_version_flag("--version", "outboxctl " OUTBOXD_VERSION);
  app.footer(
      "Exit status: 0 done, 1 refused, 2 wrong usage, 3 cannot be reached, 4 outcome unknown.");
  add_settings(app, settings);
  const CommandLine line{app, chosen};
  add_status_commands(line);
  add_order_commands(line);
  add_payment_commands(line);
  add_wallet_commands(line);
  add_reservation_commands(line);
  add_token_commands(line);
  add_state_commands(line);
  add_outbox_commands(line);
  add_dead_commands(line);
  add_link_commands(line);
  add_broker_commands(line);
  add_maintenance_commands(line);

  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return fail_parsing(app, error, err);
    app.exit(error, out, err);  // help or version
    return kDone;
  }
  Session session(settings, out, err);
  try {
    return chosen(session);
  } catch (const Json::exception& error) {
    // A member of another type than API.md says: what was asked for has been done, or not.
    return session.fail(client::Failure{.kind = client::FailureKind::kOutcomeUnknown,
                                        .code = "bad_reply",
                                        .message = error.what(),
                                        .details = nullptr,
                                        .retry = "same_id"});
  }
}

}  // namespace outboxd::ctl
