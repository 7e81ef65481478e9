// Lists, followed page by page.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "client/ctl/session.h"
#include "client/ctl/table.h"

namespace outboxd::ctl {

struct ListOptions {
  std::string after;
  std::uint64_t limit = 100;  // 0: all
};

// --after and --limit.
void add_list_options(CLI::App& command, ListOptions& options);

// What is listed, and how.
struct Listing {
  std::string method;
  Json arguments = Json::object();
  std::string plural;  // the member of the result that holds the entries
  bool after_is_number = false;
  Table table;
  std::function<void(Table&, const Json&)> add_row;
};

// Prints entries as a table or as JSON lines until there are no more or `options.limit` is reached,
// and then says where to go on.
ExitStatus print_list(Session& session, Listing listing, const ListOptions& options);

}  // namespace outboxd::ctl
