#include "broker/admin_api.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <span>
#include <utility>

#include "broker/paging.h"
#include "broker/report.h"
#include "broker/topic_reader.h"
#include "transport/ipc/arguments.h"
#include "transport/link/group_name.h"

namespace outboxd::broker {
namespace {

// How many events `topic` has. Dead letters that were replayed or discarded leave gaps.
std::uint64_t count_events(const Engine& engine, const TopicInfo& topic) {
  const auto dead = transport::split_dead_topic(topic.topic);
  if (!dead) return topic.next_offset - topic.first_offset;
  return engine.count_dead({std::string(dead->topic), std::string(dead->group)});
}

std::string encode_topics(const Engine& engine, const Page& page) {
  const std::vector<TopicInfo> topics = engine.topics();
  const auto first = std::upper_bound(
      topics.begin(), topics.end(), page.after,
      [](const std::string& after, const TopicInfo& topic) { return after < topic.topic; });
  const auto rest = static_cast<std::size_t>(topics.end() - first);
  const std::span shown(first, std::min(rest, page.limit));
  std::string encoded;
  transport::Writer writer(encoded);
  writer.map(2).key("topics").array(shown.size());
  for (const TopicInfo& topic : shown) {
    writer.map(4)
        .field("topic", topic.topic)
        .field("events", count_events(engine, topic))
        .field("first_offset", topic.first_offset)
        .field("next_offset", topic.next_offset);
  }
  writer.key("next");
  rest > shown.size() ? writer.string(shown.back().topic) : writer.nil();
  return encoded;
}

std::string encode_producers(const std::vector<transport::ProducerStatus>& producers,
                             std::size_t limit) {
  const std::size_t shown = std::min(producers.size(), limit);
  std::string encoded;
  transport::Writer writer(encoded);
  writer.map(2).key("producers").array(shown);
  for (std::size_t i = 0; i < shown; ++i) {
    writer.map(6)
        .field("producer", producers[i].producer)
        .field("life", producers[i].life)
        .field("epoch", producers[i].epoch)
        .field("last_seq", std::uint64_t{producers[i].last_seq})
        .field("connected", producers[i].connected)
        .key("store");
    producers[i].store.empty() ? writer.nil() : writer.string(producers[i].store);
  }
  writer.key("next");
  producers.size() > limit ? writer.string(producers[limit - 1].producer) : writer.nil();
  return encoded;
}

}  // namespace

AdminApi::AdminApi(Options options, transport::EventLoop& loop, Broker& broker,
                   const Engine& engine, const SpaceGuard& space, const domain::Clock& clock)
    : options_(options),
      loop_(loop),
      broker_(broker),
      engine_(engine),
      space_(space),
      clock_(clock),
      started_ms_(clock.monotonic_ms()),
      server_(loop, *this, options_.limits),
      tails_(loop, server_, engine),
      group_methods_(loop, server_, broker, engine),
      figures_at_ms_(started_ms_) {}

AdminApi::Method AdminApi::method_named(std::string_view name) {
  static constexpr std::pair<std::string_view, Method> kMethods[] = {
      {"broker.status", &AdminApi::broker_status}, {"broker.metrics", &AdminApi::broker_metrics},
      {"topic.list", &AdminApi::topic_list},       {"topic.read", &AdminApi::topic_read},
      {"topic.tail", &AdminApi::topic_tail},       {"producer.list", &AdminApi::producer_list},
  };
  for (const auto& [known, method] : kMethods) {
    if (known == name) return method;
  }
  return nullptr;
}

domain::Status AdminApi::dispatch(const transport::Request& request) {
  if (const Method method = method_named(request.method)) return (this->*method)(request);
  if (auto handled = group_methods_.handle(request)) return *std::move(handled);
  return domain::Error{
      domain::ErrorCode::kUnknownMethod,
      "there is no method " + std::string(request.method) +
          "; there are broker.status, broker.metrics, topic.list, topic.read, topic.tail, "
          "producer.list, " +
          std::string(GroupMethods::kNames),
      ""};
}

void AdminApi::on_request(const transport::Request& request) {
  const domain::Status status = dispatch(request);
  if (status) return;
  if (status.error().code == domain::ErrorCode::kInternal) {
    last_error_ = status.error().message;
    last_error_at_ms_ = clock_.wall_ms();
  }
  server_.reply_error(request.reply_to, status.error());
}

void AdminApi::on_disconnect(transport::ConnectionId connection) {
  tails_.forget(connection);
}

void AdminApi::wake_tails() {
  if (wake_posted_.exchange(true)) return;
  loop_.post([this] {
    wake_posted_ = false;
    tails_.wake();
  });
}

// From the router thread.
void AdminApi::reply_later(transport::ReplyAddress to, std::string result) {
  loop_.post([this, to, result = std::move(result)] { server_.reply(to, result); });
}

domain::Status AdminApi::broker_status(const transport::Request& request) {
  OUTBOXD_TRY(transport::Arguments::of_params(request.params, {}));
  report_later(request.reply_to, encode_status);
  return domain::ok_status();
}

domain::Status AdminApi::broker_metrics(const transport::Request& request) {
  OUTBOXD_TRY(transport::Arguments::of_params(request.params, {}));
  report_later(request.reply_to, [](const Report& report) {
    std::string encoded;
    transport::Writer(encoded).string(metrics_text(report));
    return encoded;
  });
  return domain::ok_status();
}

void AdminApi::report_later(transport::ReplyAddress to, UseReport use) {
  const auto place = waiting_.insert(
      waiting_.end(), {to, std::move(use), transport::EventLoop::Timer(loop_), false});
  place->patience.start_once(options_.patience, [this, place] {
    const Waiting waiting = std::move(*place);
    waiting_.erase(place);
    answer(waiting);
  });
  if (!router_asked_) ask_router();
}

// One question at a time, or a router that is stuck would be left with a heap of them.
void AdminApi::ask_router() {
  router_asked_ = true;
  for (Waiting& waiting : waiting_) waiting.asked = true;
  auto figures = std::make_shared<Figures>();
  broker_.query_groups([figures](const GroupTable& table) {
    figures->groups = table.groups({}, kMaxGroups);
    figures->group_counters = table.counters();
  });
  broker_.snapshot([this, figures](const BrokerSnapshot& snapshot) {
    figures->broker = snapshot;
    loop_.post([this, figures] { take(std::move(*figures)); });
  });
}

void AdminApi::take(Figures figures) {
  router_asked_ = false;
  figures_ = std::move(figures);
  figures_at_ms_ = clock_.monotonic_ms();
  // Who came after the question gets figures that are younger than theirs.
  std::list<Waiting> answered;
  for (auto place = waiting_.begin(); place != waiting_.end();) {
    const auto next = std::next(place);
    if (place->asked) answered.splice(answered.end(), waiting_, place);
    place = next;
  }
  for (const Waiting& waiting : answered) answer(waiting);
  if (!waiting_.empty()) ask_router();
}

void AdminApi::answer(const Waiting& waiting) {
  const std::int64_t now_ms = clock_.monotonic_ms();
  Report report;
  report.endpoint = broker_.endpoint();
  report.uptime_ms = now_ms - started_ms_;
  report.figures_age_ms = now_ms - figures_at_ms_;
  report.broker = figures_.broker;
  report.groups = figures_.groups;
  report.group_counters = figures_.group_counters;
  report.topics = engine_.topics();
  for (const GroupSnapshot& group : report.groups) {
    report.dead_letters += engine_.count_dead(group.id);
  }
  report.engine = engine_.stats();
  report.free_bytes = space_.free_bytes();
  report.space = space_.level();
  report.last_error = last_error_;
  report.last_error_at_ms = last_error_at_ms_;
  server_.reply(waiting.reply_to, waiting.use(report));
}

domain::Status AdminApi::topic_list(const transport::Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Page page, page_of(request.params));
  server_.reply(request.reply_to, encode_topics(engine_, page));
  return domain::ok_status();
}

domain::Status AdminApi::producer_list(const transport::Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Page page, page_of(request.params));
  broker_.query([this, to = request.reply_to, page](const transport::BrokerSessions& sessions) {
    // One more than is shown tells whether there is a next page.
    reply_later(to, encode_producers(sessions.producers(page.after, page.limit + 1), page.limit));
  });
  return domain::ok_status();
}

domain::Status AdminApi::topic_read(const transport::Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto arguments, transport::Arguments::of_params(
                                                     request.params, {"topic", "offset", "limit"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto topic, arguments.string("topic"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto offset, arguments.optional_integer("offset", kOffsetRange));
  OUTBOXD_ASSIGN_OR_RETURN(const auto limit, arguments.optional_integer("limit", kPageRange));
  std::size_t count = 0;
  std::string events;
  OUTBOXD_ASSIGN_OR_RETURN(
      const Offset next,
      read_topic(engine_, topic, static_cast<Offset>(offset.value_or(1)),
                 {.events = static_cast<std::size_t>(limit.value_or(kDefaultPage))},
                 [&](std::string_view event) {
                   ++count;
                   events += event;
                   return true;
                 }));
  std::string encoded;
  transport::Writer writer(encoded);
  writer.map(2).key("events").array(count);
  if (count > 0) writer.raw(events);
  writer.field("next_offset", std::uint64_t{next});
  server_.reply(request.reply_to, encoded);
  return domain::ok_status();
}

domain::Status AdminApi::topic_tail(const transport::Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto arguments,
                           transport::Arguments::of_params(request.params, {"topic", "offset"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto topic, arguments.optional_string("topic"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto offset, arguments.optional_integer("offset", kOffsetRange));
  if (!topic && offset) {
    return domain::bad_request("offset", "offset needs a topic: each topic has offsets of its own");
  }
  const transport::ConnectionId connection = request.reply_to.connection;
  std::string encoded;
  transport::Writer writer(encoded);
  writer.map(1).key("next_offset");
  // The reply goes first, so that it stands before the notifications.
  if (!topic) {
    writer.nil();
    server_.reply(request.reply_to, encoded);
    tails_.follow_all(connection);
    return domain::ok_status();
  }
  if (!domain::is_valid_id(*topic)) {
    return domain::bad_request("topic",
                               "topic must be 1 to 64 characters from A-Z a-z 0-9 . _ : -");
  }
  const Offset from = offset ? static_cast<Offset>(*offset) : end_of(*topic);
  writer.unsigned_integer(std::max<Offset>(from, 1));
  server_.reply(request.reply_to, encoded);
  tails_.follow(connection, std::string(*topic), from);
  return domain::ok_status();
}

// The offset that the next event of `topic` gets; a tail may wait for a topic that is not there
// yet.
Offset AdminApi::end_of(std::string_view topic) const {
  for (const TopicInfo& info : engine_.topics()) {
    if (info.topic == topic) return info.next_offset;
  }
  return 1;
}

}  // namespace outboxd::broker
