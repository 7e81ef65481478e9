// Options whose value is a length of time.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

namespace outboxd::ctl {

// `name` with a TIME as `parse_duration` reads it; anything else is wrong usage. `duration` lives
// until the command line has been parsed, and stays empty when the option is not there.
void add_duration_option(CLI::App& command, const std::string& name,
                         std::optional<std::chrono::milliseconds>& duration,
                         const std::string& description);

}  // namespace outboxd::ctl
