// Options whose value is a number of points.
#pragma once

#include <cstdint>
#include <string>

#include <CLI/CLI.hpp>

namespace outboxd::ctl {

// `name`, which is required, with a whole number; anything else is wrong usage, and so is a number
// that 64 bits do not hold: it must not become another one on its way. `points` lives until the
// command line has been parsed.
void add_points_option(CLI::App& command, const std::string& name, std::int64_t& points,
                       const std::string& description);

}  // namespace outboxd::ctl
