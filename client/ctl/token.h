// The token that a command needs.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace outboxd::ctl {

// --token, which is required. `-` reads the token from standard input: what stands on a command
// line is for everybody on the machine to see.
void add_token_option(CLI::App& command, std::string& token);

// The token that was meant: `given`, or the first line of standard input, without its end, for "-".
std::string read_token(const std::string& given);

}  // namespace outboxd::ctl
