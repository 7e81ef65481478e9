// outboxctl dead list | show | replay | discard
#include <memory>
#include <string>

#include "client/ctl/command_line.h"
#include "client/ctl/format.h"
#include "client/ctl/letters.h"
#include "client/ctl/listing.h"

namespace outboxd::ctl {
namespace {

ExitStatus list_letters(Session& session, const ListOptions& options) {
  return print_list(
      session,
      Listing{.method = "dead.list",
              .plural = "letters",
              .after_is_number = true,
              .table = Table(
                  {{"SEQ", Align::kRight}, {"TOPIC"}, {"TYPE"}, {"KEY"}, {"DIED AT"}, {"REASON"}}),
              .add_row =
                  [](Table& table, const Json& letter) {
                    const Json event = letter.value("event", Json::object());
                    table.add({format_member(letter, "seq"), format_member(event, "topic"),
                               format_member(event, "type"), format_member(event, "subject"),
                               format_member(letter, "died_at"), format_member(letter, "reason")});
                  }},
      options);
}

Json arguments_for(std::uint64_t seq, const Letters& letters) {
  Json arguments = {{"seq", seq}};
  if (!letters.reason.empty()) arguments["reason"] = letters.reason;
  return arguments;
}

// What is done to letters, in the daemon's word and in that for people.
struct Deed {
  const char* method;
  const char* done;
};

void report(Session& session, const Deed& deed, std::uint64_t seq, const Json& result) {
  if (session.json()) {
    session.out() << to_line(result) << '\n';
    return;
  }
  session.out() << "letter " << seq << ' ' << deed.done;
  if (result.contains("seq") && result["seq"] != seq && !result["seq"].is_null()) {
    session.out() << " as event " << format_member(result, "seq");
  }
  session.out() << '\n';
}

// One after the other, in the order in which they died. A letter that is refused, such as the
// order.created of an order that has ended, stays where it is and does not hold up the rest.
ExitStatus do_to_all(Session& session, const Deed& deed, const Letters& letters) {
  constexpr std::uint64_t kPageLetters = 100;
  ExitStatus status = kDone;
  Json after;
  do {
    Json arguments = {{"limit", kPageLetters}};
    if (!after.is_null()) arguments["after"] = after;
    const auto page = session.call("dead.list", std::move(arguments));
    if (!page) return session.fail(page.error());
    for (const Json& letter : page->value("letters", Json::array())) {
      const auto seq = letter.at("seq").get<std::uint64_t>();
      const auto result = session.call(deed.method, arguments_for(seq, letters));
      if (result) {
        report(session, deed, seq, *result);
        continue;
      }
      status = session.fail(result.error());
      if (result.error().kind != client::FailureKind::kRefused) return status;
    }
    after = page->value("next", Json());
  } while (!after.is_null());
  return status;
}

ExitStatus do_to(Session& session, const Deed& deed, const Letters& letters) {
  if (letters.all) return do_to_all(session, deed, letters);
  const auto result = session.call(deed.method, arguments_for(letters.number, letters));
  if (!result) return session.fail(result.error());
  report(session, deed, letters.number, *result);
  return kDone;
}

void add_deed(CommandLine line, CLI::App& dead, const char* name, const char* description,
              Deed deed) {
  auto letters = std::make_shared<Letters>();
  CLI::App& app = *dead.add_subcommand(name, description);
  add_letters_options(app, "SEQ", *letters);
  app.callback([line, letters, deed] {
    line.chosen = [letters, deed](Session& session) { return do_to(session, deed, *letters); };
  });
}

}  // namespace

void add_dead_commands(CommandLine line) {
  CLI::App& dead = *line.app.add_subcommand("dead", "Decide about events that never left");
  dead.require_subcommand(1);

  auto options = std::make_shared<ListOptions>();
  CLI::App& list = *dead.add_subcommand("list", "List this daemon's dead letters");
  add_list_options(list, *options);
  list.callback([line, options] {
    line.chosen = [options](Session& session) { return list_letters(session, *options); };
  });

  auto seq = std::make_shared<std::uint64_t>();
  CLI::App& show = *dead.add_subcommand("show", "Show a dead letter");
  show.add_option("SEQ", *seq)->required();
  show.callback([line, seq] {
    line.chosen = [seq](Session& session) {
      return session.show("dead.get", {{"seq", *seq}}, print_letter);
    };
  });

  add_deed(line, dead, "replay", "Send dead letters once more, as new events",
           {.method = "dead.replay", .done = "replayed"});
  add_deed(line, dead, "discard", "Drop dead letters for good",
           {.method = "dead.discard", .done = "discarded"});
}

}  // namespace outboxd::ctl
