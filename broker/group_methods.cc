#include "broker/group_methods.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "broker/paging.h"
#include "broker/report.h"
#include "broker/topic_reader.h"
#include "domain/time_format.h"
#include "systemd/log.h"
#include "transport/ipc/arguments.h"
#include "transport/limits.h"
#include "transport/link/group_name.h"
#include "transport/msgpack/writer.h"

namespace outboxd::broker {
namespace {

constexpr std::size_t kMaxListedBytes = 512 << 10;  // of one page of letters
constexpr transport::IntegerRange kLetterRange{1, std::numeric_limits<std::int64_t>::max()};

// Names cannot contain it, so that it separates topic and group of where to go on.
constexpr char kSeparator = '/';

domain::Result<GroupId> group_of(const transport::Arguments& arguments) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto topic, arguments.string("topic"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto group, arguments.string("group"));
  if (!transport::is_consumable_topic(topic)) {
    return domain::bad_request(
        "topic", "topic must be 1 to 64 characters from A-Z a-z 0-9 . _ -, or dead:TOPIC:GROUP");
  }
  if (!transport::is_valid_group(group)) {
    return domain::bad_request("group",
                               "group must be 1 to 128 characters from A-Z a-z 0-9 . _ : -");
  }
  return GroupId{std::string(topic), std::string(group)};
}

domain::Error no_letter(const GroupId& id, Offset offset) {
  return {domain::ErrorCode::kNotFound,
          "group " + id.group + " of topic " + id.topic + " has no dead letter at offset " +
              std::to_string(offset),
          "offset"};
}

struct ListedGroup {
  GroupSnapshot group;
  Offset topic_end = 1;
  std::uint64_t dead = 0;
};

std::string encode_groups(const std::vector<ListedGroup>& groups, std::size_t limit) {
  const std::size_t shown = std::min(groups.size(), limit);
  std::string encoded;
  transport::Writer writer(encoded);
  writer.map(2).key("groups").array(shown);
  for (std::size_t i = 0; i < shown; ++i) {
    const GroupSnapshot& group = groups[i].group;
    writer.map(9)
        .field("topic", group.id.topic)
        .field("group", group.id.group)
        .field("lag", lag_of(group, groups[i].topic_end))
        .field("in_flight", std::uint64_t{group.in_flight})
        .field("retrying", std::uint64_t{group.retrying})
        .field("parked", std::uint64_t{group.parked})
        .field("dead", groups[i].dead)
        .field("consumers", std::uint64_t{group.consumers})
        .field("cursor", group.cursor);
  }
  writer.key("next");
  if (groups.size() > limit) {
    const GroupId& last = groups[limit - 1].group.id;
    writer.string(last.topic + kSeparator + last.group);
  } else {
    writer.nil();
  }
  return encoded;
}

// The letter as a map; how often and why it failed is for the one who looks at it alone.
std::string encode_letter(Offset offset, const DeadLetter& letter, bool with_history) {
  std::string encoded;
  transport::Writer writer(encoded);
  writer.map(with_history ? 9 : 8)
      .field("offset", offset)
      .field("producer", letter.producer)
      .field("seq", std::uint64_t{letter.seq})
      .field("source_offset", letter.source_offset)
      .field("attempts", std::uint64_t{letter.attempts})
      .field("reason", letter.reason)
      .field("died_at", std::string_view(domain::rfc3339(letter.died_at_ms)));
  if (with_history) {
    writer.key("history").array(letter.history.size());
    for (const Failure& failure : letter.history) {
      writer.map(2).field("elapsed_ms", failure.elapsed_ms).field("reason", failure.reason);
    }
  }
  writer.key("event");
  write_stored_event(writer, "", {offset, letter.producer, letter.seq, letter.envelope},
                     std::nullopt);
  return encoded;
}

}  // namespace

std::optional<domain::Status> GroupMethods::handle(const transport::Request& request) {
  using Method = domain::Status (GroupMethods::*)(const transport::Request&);
  static constexpr std::pair<std::string_view, Method> kMethods[] = {
      {"group.list", &GroupMethods::group_list},     {"dead.list", &GroupMethods::dead_list},
      {"dead.get", &GroupMethods::dead_get},         {"dead.replay", &GroupMethods::dead_replay},
      {"dead.discard", &GroupMethods::dead_discard},
  };
  for (const auto& [name, method] : kMethods) {
    if (name == request.method) return (this->*method)(request);
  }
  return std::nullopt;
}

domain::Status GroupMethods::group_list(const transport::Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Page page, page_of(request.params));
  GroupId after;
  if (!page.after.empty()) {
    const std::size_t end = page.after.find(kSeparator);
    if (end == std::string::npos) {
      return domain::bad_request("after", "after must be what an earlier page had as next");
    }
    after = {page.after.substr(0, end), page.after.substr(end + 1)};
  }
  broker_.query_groups([this, to = request.reply_to, after, limit = page.limit](const auto& table) {
    std::vector<ListedGroup> listed;
    const std::vector<TopicInfo> topics = engine_.topics();
    // One more than is shown tells whether there is a next page.
    for (GroupSnapshot& group : table.groups(after, limit + 1)) {
      const auto topic = std::lower_bound(
          topics.begin(), topics.end(), group.id.topic,
          [](const TopicInfo& info, const std::string& name) { return info.topic < name; });
      const bool exists = topic != topics.end() && topic->topic == group.id.topic;
      const std::uint64_t dead = engine_.count_dead(group.id);
      listed.push_back({std::move(group), exists ? topic->next_offset : 1, dead});
    }
    reply_later(to, encode_groups(listed, limit));
  });
  return domain::ok_status();
}

domain::Status GroupMethods::dead_list(const transport::Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(
      const auto arguments,
      transport::Arguments::of_params(request.params, {"topic", "group", "after", "limit"}));
  OUTBOXD_ASSIGN_OR_RETURN(const GroupId id, group_of(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const auto after, arguments.optional_integer("after", kOffsetRange));
  OUTBOXD_ASSIGN_OR_RETURN(const auto limit, arguments.optional_integer("limit", kPageRange));
  const auto max_letters = static_cast<std::size_t>(limit.value_or(kDefaultPage));
  std::size_t count = 0;
  std::string letters;
  Offset last = static_cast<Offset>(after.value_or(0));
  bool more = false;
  OUTBOXD_TRY(engine_.read_dead(id, last + 1, [&](Offset offset, const DeadLetter& letter) {
    more = count == max_letters || (count > 0 && letters.size() > kMaxListedBytes);
    if (more) return false;
    letters += encode_letter(offset, letter, false);
    last = offset;
    ++count;
    return true;
  }));
  std::string encoded;
  transport::Writer writer(encoded);
  writer.map(2).key("letters").array(count);
  if (count > 0) writer.raw(letters);
  writer.key("next");
  more ? writer.unsigned_integer(last) : writer.nil();
  server_.reply(request.reply_to, encoded);
  return domain::ok_status();
}

domain::Status GroupMethods::dead_get(const transport::Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto arguments, transport::Arguments::of_params(
                                                     request.params, {"topic", "group", "offset"}));
  OUTBOXD_ASSIGN_OR_RETURN(const GroupId id, group_of(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const auto offset, arguments.integer("offset", kLetterRange));
  const auto wanted = static_cast<Offset>(offset);
  std::string encoded;
  OUTBOXD_TRY(engine_.read_dead(id, wanted, [&](Offset found, const DeadLetter& letter) {
    if (found == wanted) encoded = encode_letter(found, letter, true);
    return false;
  }));
  if (encoded.empty()) return no_letter(id, wanted);
  server_.reply(request.reply_to, encoded);
  return domain::ok_status();
}

domain::Status GroupMethods::dead_replay(const transport::Request& request) {
  return settle(request, LetterAction::kReplay, "replayed");
}

domain::Status GroupMethods::dead_discard(const transport::Request& request) {
  return settle(request, LetterAction::kDiscard, "discarded");
}

domain::Status GroupMethods::settle(const transport::Request& request, LetterAction action,
                                    std::string_view done) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto arguments,
                           transport::Arguments::of_params(
                               request.params, {"topic", "group", "offset", "all", "reason"}));
  OUTBOXD_ASSIGN_OR_RETURN(const GroupId id, group_of(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const auto offset, arguments.optional_integer("offset", kLetterRange));
  OUTBOXD_ASSIGN_OR_RETURN(const bool all, arguments.optional_boolean("all", false));
  OUTBOXD_ASSIGN_OR_RETURN(const auto given, arguments.optional_string("reason"));
  if (offset.has_value() == all) {
    return domain::bad_request("offset", "give either offset, of one letter, or all: true");
  }
  std::optional<Offset> letter;
  if (offset) letter = static_cast<Offset>(*offset);
  const std::string reason(given.value_or("").substr(0, transport::kMaxReasonBytes));
  broker_.settle_letters(
      action, id, letter,
      [this, to = request.reply_to, id, reason,
       done = std::string(done)](domain::Result<std::size_t> settled) {
        if (!settled) return reply_later(to, settled.error());
        systemd::log_notice(
            "dead letters were " + done,
            {{"topic", id.topic}, {"group", id.group}, {"letters", *settled}, {"reason", reason}});
        std::string encoded;
        transport::Writer(encoded).map(1).field(done, std::uint64_t{*settled});
        reply_later(to, std::move(encoded));
      });
  return domain::ok_status();
}

// From the router thread.
void GroupMethods::reply_later(transport::ReplyAddress to, domain::Result<std::string> result) {
  loop_.post([this, to, result = std::move(result)] {
    result ? server_.reply(to, *result) : server_.reply_error(to, result.error());
  });
}

}  // namespace outboxd::broker
