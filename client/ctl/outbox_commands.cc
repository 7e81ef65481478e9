// outboxctl outbox list | get | wait, and tail
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "client/ctl/command_line.h"
#include "client/ctl/event_lines.h"
#include "client/ctl/format.h"
#include "client/ctl/listing.h"
#include "client/ctl/overview.h"

namespace outboxd::ctl {
namespace {

struct OutboxList {
  std::string state = "pending";
  ListOptions list;
};

ExitStatus list_entries(Session& session, const OutboxList& given) {
  const auto now = std::chrono::system_clock::now();
  return print_list(
      session,
      Listing{.method = "outbox.list",
              .arguments = {{"state", given.state}},
              .plural = "entries",
              .after_is_number = true,
              .table = Table({{"SEQ", Align::kRight},
                              {"STATE"},
                              {"TOPIC"},
                              {"TYPE"},
                              {"KEY"},
                              {"TIME"},
                              {"AGE", Align::kRight},
                              {"REASON"}}),
              .add_row =
                  [now](Table& table, const Json& entry) {
                    const Json event = entry.value("event", Json::object());
                    table.add({format_member(entry, "seq"), format_member(entry, "state"),
                               format_member(event, "topic"), format_member(event, "type"),
                               format_member(event, "subject"), format_member(event, "time"),
                               format_age(format_member(event, "time"), now),
                               entry.value("reason", "")});
                  }},
      given.list);
}

void add_outbox_list(CommandLine line, CLI::App& outbox) {
  auto given = std::make_shared<OutboxList>();
  CLI::App& list = *outbox.add_subcommand("list", "List events that wait, or dead letters");
  list.add_option("--state", given->state, "pending or dead")
      ->check(CLI::IsMember({"pending", "dead"}))
      ->capture_default_str();
  add_list_options(list, given->list);
  list.callback([line, given] {
    line.chosen = [given](Session& session) { return list_entries(session, *given); };
  });
}

// The event's data as the JSON that it is, whatever its shape.
void print_entry(std::ostream& out, const Json& entry) {
  Json shown = entry;
  Json& data = shown["event"]["data"];
  data = to_line(data);
  print_overview(out, shown);
}

void add_outbox_get(CommandLine line, CLI::App& outbox) {
  auto seq = std::make_shared<std::uint64_t>();
  CLI::App& get = *outbox.add_subcommand("get", "Show one entry");
  get.add_option("SEQ", *seq)->required();
  get.callback([line, seq] {
    line.chosen = [seq](Session& session) {
      return session.show("outbox.get", {{"seq", *seq}}, print_entry);
    };
  });
}

struct Wait {
  std::uint64_t seq = 0;
  std::string level = "delivered";
};

ExitStatus wait(Session& session, const Wait& given) {
  // The daemon keeps the time; its answer may take a moment more.
  session.set_default_timeout(std::chrono::seconds(30));
  session.set_grace(std::chrono::seconds(5));
  return session.show(
      "outbox.wait",
      {{"seq", given.seq}, {"level", given.level}, {"timeout_ms", session.timeout().count()}},
      [&](std::ostream& out, const Json& result) {
        out << "event " << given.seq << " is " << result.value("level", given.level) << '\n';
      });
}

void add_wait(CommandLine line, CLI::App& outbox) {
  auto given = std::make_shared<Wait>();
  CLI::App& app =
      *outbox.add_subcommand("wait", "Wait for an event to get on its way, up to --timeout [30s]");
  app.add_option("SEQ", given->seq)->required();
  app.add_option("--level", given->level, "stored, delivered or consumed")
      ->check(CLI::IsMember({"stored", "delivered", "consumed"}))
      ->capture_default_str();
  app.callback(
      [line, given] { line.chosen = [given](Session& session) { return wait(session, *given); }; });
}

struct Tail {
  std::string topic;
  std::uint64_t from_seq = 0;  // 0: what comes from now on
  std::uint64_t count = 0;     // 0: for ever
};

// A tail only reads: losing the connection leaves no outcome open.
ExitStatus fail_reading(Session& session, client::Failure failure) {
  failure.kind = client::FailureKind::kUnreachable;
  return session.fail(failure);
}

void print_notification(Session& session, const client::Notification& notification) {
  const Json event = notification.params.empty() ? Json::object() : notification.params[0];
  if (session.json()) {
    session.out() << to_line(event) << std::endl;
  } else if (notification.method == "missed") {
    session.out() << "-- events " << format_member(event, "from_seq") << " to "
                  << format_member(event, "to_seq") << " were removed before they were read\n"
                  << std::flush;
  } else {
    print_event(session.out(), event, "seq");
    session.out() << std::flush;
  }
}

ExitStatus tail(Session& session, const Tail& given) {
  Json arguments = Json::object();
  if (!given.topic.empty()) arguments["topic"] = given.topic;
  if (given.from_seq > 0) arguments["from_seq"] = given.from_seq;
  const auto subscribed = session.call("events.tail", std::move(arguments));
  if (!subscribed) return session.fail(subscribed.error());
  const auto connection = session.connection();
  if (!connection) return session.fail(connection.error());
  for (std::uint64_t events = 0; given.count == 0 || events < given.count;) {
    const auto notification = (*connection)->next_notification(std::chrono::hours(1));
    if (!notification) {
      if (notification.error().code == "timeout") continue;
      return fail_reading(session, notification.error());
    }
    print_notification(session, *notification);
    if (notification->method == "event") ++events;
  }
  return kDone;
}

void add_tail(CommandLine line) {
  auto given = std::make_shared<Tail>();
  CLI::App& app = *line.app.add_subcommand("tail", "Show events as they are committed");
  app.add_option("TOPIC", given->topic, "Only this topic [all]");
  app.add_option("--from", given->from_seq, "Start at this sequence number [what comes from now]");
  app.add_option("--count", given->count, "End after so many events [never]");
  app.callback(
      [line, given] { line.chosen = [given](Session& session) { return tail(session, *given); }; });
}

}  // namespace

void add_outbox_commands(CommandLine line) {
  CLI::App& outbox = *line.app.add_subcommand("outbox", "Look at events on their way");
  outbox.require_subcommand(1);
  add_outbox_list(line, outbox);
  add_outbox_get(line, outbox);
  add_wait(line, outbox);
  add_tail(line);
}

}  // namespace outboxd::ctl
