// Dead letters, as both the daemon and the broker have them.
#pragma once

#include <ostream>
#include <string>

#include <CLI/CLI.hpp>

#include "client/ctl/session.h"

namespace outboxd::ctl {

// Which letters a command is about: one by its number, or all.
struct Letters {
  std::uint64_t number = 0;  // 0: none was named
  bool all = false;
  std::string reason;  // for whoever asks later; empty: none
};

// NUMBER under the name `number` or --all, of which one must be given; and --reason.
void add_letters_options(CLI::App& command, const std::string& number, Letters& letters);

// Everything that is known of one letter: its event's data as JSON, and its failures line by line.
void print_letter(std::ostream& out, const Json& letter);

}  // namespace outboxd::ctl
