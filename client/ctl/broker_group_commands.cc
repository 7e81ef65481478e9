// outboxctl broker groups, and broker dead list | show | replay | discard
#include <memory>
#include <string>

#include "client/ctl/command_line.h"
#include "client/ctl/format.h"
#include "client/ctl/letters.h"
#include "client/ctl/listing.h"
#include "client/ctl/overview.h"

namespace outboxd::ctl {
namespace {

struct Group {
  std::string topic;
  std::string name;
};

Json arguments_of(const Group& group) {
  return {{"topic", group.topic}, {"group", group.name}};
}

ExitStatus list_groups(Session& session, const ListOptions& options) {
  session.use_broker();
  Listing listing{.method = "group.list",
                  .plural = "groups",
                  .table = Table({{"TOPIC"},
                                  {"GROUP"},
                                  {"CONSUMERS", Align::kRight},
                                  {"LAG", Align::kRight},
                                  {"IN FLIGHT", Align::kRight},
                                  {"RETRYING", Align::kRight},
                                  {"PARKED", Align::kRight},
                                  {"DEAD", Align::kRight},
                                  {"CURSOR", Align::kRight}}),
                  .add_row = [](Table& table, const Json& group) {
                    table.add({format_member(group, "topic"), format_member(group, "group"),
                               format_member(group, "consumers"), format_member(group, "lag"),
                               format_member(group, "in_flight"), format_member(group, "retrying"),
                               format_member(group, "parked"), format_member(group, "dead"),
                               format_member(group, "cursor")});
                  }};
  return print_list(session, std::move(listing), options);
}

ExitStatus list_letters(Session& session, const Group& group, const ListOptions& options) {
  session.use_broker();
  Listing listing{.method = "dead.list",
                  .arguments = arguments_of(group),
                  .plural = "letters",
                  .after_is_number = true,
                  .table = Table({{"OFFSET", Align::kRight},
                                  {"PRODUCER"},
                                  {"SEQ", Align::kRight},
                                  {"TYPE"},
                                  {"KEY"},
                                  {"ATTEMPTS", Align::kRight},
                                  {"DIED AT"},
                                  {"REASON"}}),
                  .add_row = [](Table& table, const Json& letter) {
                    const Json event = letter.value("event", Json::object());
                    table.add({format_member(letter, "offset"), format_member(letter, "producer"),
                               format_member(letter, "seq"), format_member(event, "type"),
                               format_member(event, "subject"), format_member(letter, "attempts"),
                               format_member(letter, "died_at"), format_member(letter, "reason")});
                  }};
  return print_list(session, std::move(listing), options);
}

void add_group_options(CLI::App& command, Group& group) {
  command.add_option("--topic", group.topic, "The topic that the group consumes")->required();
  command.add_option("--group", group.name, "The group that gave the events up")->required();
}

void add_group_dead_list(CommandLine line, CLI::App& dead) {
  auto group = std::make_shared<Group>();
  auto options = std::make_shared<ListOptions>();
  CLI::App& list = *dead.add_subcommand("list", "List a group's dead letters");
  add_group_options(list, *group);
  add_list_options(list, *options);
  list.callback([line, group, options] {
    line.chosen = [group, options](Session& session) {
      return list_letters(session, *group, *options);
    };
  });
}

void add_group_dead_show(CommandLine line, CLI::App& dead) {
  auto group = std::make_shared<Group>();
  auto offset = std::make_shared<std::uint64_t>();
  CLI::App& show = *dead.add_subcommand("show", "Show a dead letter and how it failed");
  add_group_options(show, *group);
  show.add_option("OFFSET", *offset)->required();
  show.callback([line, group, offset] {
    line.chosen = [group, offset](Session& session) {
      session.use_broker();
      Json arguments = arguments_of(*group);
      arguments["offset"] = *offset;
      return session.show("dead.get", std::move(arguments), print_letter);
    };
  });
}

// `verb` is the command's name, and the end of the method's.
void add_deed(CommandLine line, CLI::App& dead, const std::string& verb, const char* description) {
  auto group = std::make_shared<Group>();
  auto letters = std::make_shared<Letters>();
  CLI::App& app = *dead.add_subcommand(verb, description);
  add_group_options(app, *group);
  add_letters_options(app, "OFFSET", *letters);
  app.callback([line, group, letters, verb] {
    line.chosen = [group, letters, verb](Session& session) {
      session.use_broker();
      Json arguments = arguments_of(*group);
      if (letters->all) {
        arguments["all"] = true;
      } else {
        arguments["offset"] = letters->number;
      }
      if (!letters->reason.empty()) arguments["reason"] = letters->reason;
      return session.show("dead." + verb, std::move(arguments), print_overview);
    };
  });
}

}  // namespace

void add_broker_group_commands(CommandLine line, CLI::App& broker) {
  auto options = std::make_shared<ListOptions>();
  CLI::App& groups = *broker.add_subcommand("groups", "List consumer groups, and how far they are");
  add_list_options(groups, *options);
  groups.callback([line, options] {
    line.chosen = [options](Session& session) { return list_groups(session, *options); };
  });

  CLI::App& dead = *broker.add_subcommand("dead", "Decide about events that a group gave up");
  dead.require_subcommand(1);
  add_group_dead_list(line, dead);
  add_group_dead_show(line, dead);
  add_deed(line, dead, "replay", "Deliver dead letters to the group once more");
  add_deed(line, dead, "discard", "Drop dead letters for good");
}

}  // namespace outboxd::ctl
