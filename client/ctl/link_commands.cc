// outboxctl link [explain] | accept-broker | new-life | take-over
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "client/ctl/command_line.h"
#include "client/ctl/table.h"

namespace outboxd::ctl {
namespace {

std::string text_of(const Json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string describe_box(const Json& box) {
  return "producer " + text_of(box.at("producer")) + ", life " + text_of(box.at("life")) +
         ", epoch " + text_of(box.at("epoch")) + ", store " + text_of(box.at("store")) +
         ", next event " + text_of(box.at("next_seq")) + ", completed up to " +
         text_of(box.at("completed_seq"));
}

void print_explanation(std::ostream& out, const Json& link) {
  Fields fields = {{"link", text_of(link.at("state")) + " since " + text_of(link.at("since"))},
                   {"this box", describe_box(link.at("box"))},
                   {"its broker", text_of(link.at("box").at("broker"))}};
  if (link.at("conflict").is_null() && link.at("state") != "connected") {
    fields.emplace_back("last error", text_of(link.at("last_error")));
  }
  if (const Json& conflict = link.at("conflict"); !conflict.is_null()) {
    fields.emplace_back("conflict",
                        text_of(conflict.at("code")) + ": " + text_of(conflict.at("message")));
    fields.emplace_back("the broker", "life " + text_of(conflict.at("life")) + ", events up to " +
                                          text_of(conflict.at("last_seq")));
  }
  for (const Json& command : link.at("commands")) {
    const std::string name = text_of(command);
    const bool has_choice = name == "new-life";
    for (const char* choice : has_choice ? std::vector{" --send", " --hold"} : std::vector{""}) {
      fields.emplace_back("way out", "outboxctl link " + name + choice + " --dry-run");
    }
  }
  std::istringstream decisions(
      link.at("decisions").is_null() ? "" : link.at("decisions").get<std::string>());
  for (std::string decision; std::getline(decisions, decision);) {
    fields.emplace_back("decided", decision);
  }
  print_fields(out, fields);
}

void print_effects(std::ostream& out, const Json& result) {
  const bool is_dry = result.at("dry_run").get<bool>();
  out << (is_dry ? "would do (this was a dry run):\n" : "done:\n");
  for (const Json& effect : result.at("effects")) out << "  " << printable(text_of(effect)) << "\n";
}

void add_decision(CommandLine line, CLI::App& link, const char* name, const char* method,
                  const char* description) {
  auto dry_run = std::make_shared<bool>(false);
  CLI::App& command = *link.add_subcommand(name, description);
  command.add_flag("--dry-run", *dry_run, "Say what it would do, and what would be lost");
  command.callback([line, dry_run, method] {
    line.chosen = [dry_run, method](Session& session) {
      return session.show(method, {{"dry_run", *dry_run}}, print_effects);
    };
  });
}

void add_new_life(CommandLine line, CLI::App& link) {
  struct Given {
    bool dry_run = false;
    bool send = false;
    bool hold = false;
  };
  auto given = std::make_shared<Given>();
  CLI::App& command = *link.add_subcommand(
      "new-life", "Go on with this store, under the same name and with numbers of its own");
  command.add_flag("--dry-run", given->dry_run, "Say what it would do, and what would be lost");
  CLI::App& pending =
      *command.add_option_group("pending", "Events that the life before may have delivered");
  pending.add_flag("--send", given->send, "Send them: none is lost, some may arrive twice");
  pending.add_flag("--hold", given->hold, "Move them to the dead letters, for people to decide");
  pending.require_option(1);
  command.callback([line, given] {
    line.chosen = [given](Session& session) {
      return session.show("link.new_life",
                          {{"pending", given->send ? "send" : "hold"}, {"dry_run", given->dry_run}},
                          print_effects);
    };
  });
}

}  // namespace

void add_link_commands(CommandLine line) {
  CLI::App& link = *line.app.add_subcommand("link", "Say what is wrong with the link, and decide");
  link.require_subcommand(0, 1);
  CLI::App& explain = *link.add_subcommand("explain", "The same as without a command");
  const auto show = [line] {
    line.chosen = [](Session& session) {
      return session.show("link.explain", nullptr, print_explanation);
    };
  };
  explain.callback(show);
  link.callback([&link, show] {
    if (link.get_subcommands().empty()) show();
  });
  add_decision(line, link, "accept-broker", "link.accept_broker",
               "Go on with a broker that lost events, or with another one");
  add_new_life(line, link);
  add_decision(line, link, "take-over", "link.take_over",
               "Take a producer back from a process that fenced this one");
}

}  // namespace outboxd::ctl
