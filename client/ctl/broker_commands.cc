// outboxctl broker status | topics | producers | tail
#include <algorithm>
#include <memory>
#include <string>

#include "client/ctl/command_line.h"
#include "client/ctl/event_lines.h"
#include "client/ctl/format.h"
#include "client/ctl/listing.h"
#include "client/ctl/overview.h"

namespace outboxd::ctl {
namespace {

ExitStatus list_topics(Session& session, const ListOptions& options) {
  session.use_broker();
  return print_list(
      session,
      Listing{.method = "topic.list",
              .plural = "topics",
              .table = Table(
                  {{"TOPIC"}, {"FIRST OFFSET", Align::kRight}, {"NEXT OFFSET", Align::kRight}}),
              .add_row =
                  [](Table& table, const Json& topic) {
                    table.add({format_member(topic, "topic"), format_member(topic, "first_offset"),
                               format_member(topic, "next_offset")});
                  }},
      options);
}

ExitStatus list_producers(Session& session, const ListOptions& options) {
  session.use_broker();
  return print_list(
      session,
      Listing{
          .method = "producer.list",
          .plural = "producers",
          .table = Table(
              {{"PRODUCER"}, {"EPOCH", Align::kRight}, {"LAST SEQ", Align::kRight}, {"CONNECTED"}}),
          .add_row =
              [](Table& table, const Json& producer) {
                table.add({format_member(producer, "producer"), format_member(producer, "epoch"),
                           format_member(producer, "last_seq"),
                           format_member(producer, "connected")});
              }},
      options);
}

struct BrokerTail {
  std::string topic;
  std::uint64_t from = 1;
  std::uint64_t limit = 0;  // 0: to the end
};

// Up to the end of the topic as it is now.
ExitStatus tail(Session& session, const BrokerTail& given) {
  constexpr std::uint64_t kPageEvents = 500;
  session.use_broker();
  std::uint64_t left = given.limit == 0 ? UINT64_MAX : given.limit;
  std::uint64_t offset = given.from;
  while (left > 0) {
    const auto page = session.call(
        "topic.read",
        {{"topic", given.topic}, {"offset", offset}, {"limit", std::min(left, kPageEvents)}});
    if (!page) return session.fail(page.error());
    const Json events = page->value("events", Json::array());
    if (events.empty()) return kDone;
    for (const Json& event : events) {
      if (session.json()) {
        session.out() << to_line(event) << '\n';
      } else {
        print_event(session.out(), event, "offset");
      }
    }
    session.out() << std::flush;
    left -= std::min<std::uint64_t>(left, events.size());
    offset = page->value("next_offset", offset + events.size());
  }
  return kDone;
}

void add_tail(CommandLine line, CLI::App& broker) {
  auto given = std::make_shared<BrokerTail>();
  CLI::App& app = *broker.add_subcommand("tail", "Show the events that the broker has of a topic");
  app.add_option("TOPIC", given->topic)->required();
  app.add_option("--from", given->from, "Start at this offset")->capture_default_str();
  app.add_option("--limit", given->limit, "At most so many [to the end]");
  app.callback(
      [line, given] { line.chosen = [given](Session& session) { return tail(session, *given); }; });
}

}  // namespace

void add_broker_commands(CommandLine line) {
  CLI::App& broker = *line.app.add_subcommand("broker", "Look at the broker on its own socket");
  broker.require_subcommand(1);
  broker.add_subcommand("status", "Show how the broker is")->callback([line] {
    line.chosen = [](Session& session) {
      session.use_broker();
      return session.show("broker.status", nullptr, print_overview);
    };
  });
  auto options = std::make_shared<ListOptions>();
  CLI::App& topics = *broker.add_subcommand("topics", "List topics");
  add_list_options(topics, *options);
  topics.callback([line, options] {
    line.chosen = [options](Session& session) { return list_topics(session, *options); };
  });
  CLI::App& producers = *broker.add_subcommand("producers", "List who publishes, and how far");
  add_list_options(producers, *options);
  producers.callback([line, options] {
    line.chosen = [options](Session& session) { return list_producers(session, *options); };
  });
  add_tail(line, broker);
  add_broker_group_commands(line, broker);
}

}  // namespace outboxd::ctl
