// The command line: options before the command, and the commands, a file for each group.
#pragma once

#include <functional>
#include <ostream>

#include <CLI/CLI.hpp>

#include "client/ctl/session.h"

namespace outboxd::ctl {

using Command = std::function<ExitStatus(Session&)>;

// Parsing a command line ends with the command that it names.
struct CommandLine {
  CLI::App& app;
  Command& chosen;
};

void add_status_commands(CommandLine line);
void add_order_commands(CommandLine line);
void add_import_command(CommandLine line, CLI::App& order);
void add_payment_commands(CommandLine line);
void add_wallet_commands(CommandLine line);
void add_reservation_commands(CommandLine line);
void add_token_commands(CommandLine line);
void add_state_commands(CommandLine line);
void add_outbox_commands(CommandLine line);
void add_dead_commands(CommandLine line);
void add_link_commands(CommandLine line);
void add_broker_commands(CommandLine line);
void add_broker_group_commands(CommandLine line, CLI::App& broker);
void add_maintenance_commands(CommandLine line);

// Runs what `arguments` (without the program's name) say; returns the status to end with.
int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace outboxd::ctl
