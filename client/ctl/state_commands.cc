// outboxctl tx commit, and state get | list
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "client/ctl/command_line.h"
#include "client/ctl/format.h"
#include "client/ctl/listing.h"
#include "client/ctl/table.h"

namespace outboxd::ctl {
namespace {

// As much as fits a message to the daemon, written generously.
constexpr std::size_t kMaxFileBytes = 8 << 20;

std::string read_bounded(std::istream& in) {
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

void print_outcome(std::ostream& out, const Json& outcome) {
  Fields fields;
  for (const auto& [name, value] : outcome.items()) {
    if (name != "versions") fields.emplace_back(name, format_value(name, value));
  }
  print_fields(out, fields);
  Table versions({{"KEY"}, {"VERSION", Align::kRight}});
  const Json by_key = outcome.value("versions", Json::object());
  for (const auto& [key, version] : by_key.items()) {
    versions.add({key, format_value("", version)});
  }
  if (versions.empty()) return;
  out << '\n';
  versions.print(out);
}

ExitStatus commit(Session& session, const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return session.fail_usage("cannot open " + path);
  }
  const std::string text = read_bounded(path == "-" ? std::cin : file);
  if (text.size() > kMaxFileBytes)
    return session.fail_usage(path + " is too large for one transaction");
  Json arguments = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!arguments.is_object()) {
    return session.fail_usage(path + " is not a JSON object with the arguments of tx.commit");
  }
  return session.show("tx.commit", std::move(arguments), print_outcome);
}

void print_state(std::ostream& out, const Json& state) {
  print_fields(out, {{"key", format_member(state, "key")},
                     {"version", format_member(state, "version")},
                     {"value", to_line(state.value("value", Json()))}});
}

ExitStatus list_state(Session& session, const std::string& prefix, const ListOptions& options) {
  return print_list(
      session,
      Listing{.method = "state.list",
              .arguments = {{"prefix", prefix}},
              .plural = "entries",
              .table = Table({{"KEY"}, {"VERSION", Align::kRight}, {"VALUE"}}),
              .add_row =
                  [](Table& table, const Json& entry) {
                    table.add({format_member(entry, "key"), format_member(entry, "version"),
                               to_line(entry.value("value", Json()))});
                  }},
      options);
}

void add_tx(CommandLine line) {
  CLI::App& tx = *line.app.add_subcommand("tx", "Commit transactions of your own");
  tx.require_subcommand(1);
  CLI::App& app = *tx.add_subcommand("commit", "Commit what a JSON file says");
  auto path = std::make_shared<std::string>();
  app.add_option("FILE", *path, "The arguments of tx.commit as a JSON object; - for standard input")
      ->required();
  app.callback(
      [line, path] { line.chosen = [path](Session& session) { return commit(session, *path); }; });
}

}  // namespace

void add_state_commands(CommandLine line) {
  add_tx(line);
  CLI::App& state = *line.app.add_subcommand("state", "Read the keys that transactions put");
  state.require_subcommand(1);

  auto key = std::make_shared<std::string>();
  CLI::App& get = *state.add_subcommand("get", "Show a key");
  get.add_option("KEY", *key)->required();
  get.callback([line, key] {
    line.chosen = [key](Session& session) {
      return session.show("state.get", {{"key", *key}}, print_state);
    };
  });

  auto prefix = std::make_shared<std::string>();
  auto options = std::make_shared<ListOptions>();
  CLI::App& list = *state.add_subcommand("list", "List keys");
  list.add_option("PREFIX", *prefix, "Only keys that begin with it");
  add_list_options(list, *options);
  list.callback([line, prefix, options] {
    line.chosen = [prefix, options](Session& session) {
      return list_state(session, *prefix, *options);
    };
  });
}

}  // namespace outboxd::ctl
