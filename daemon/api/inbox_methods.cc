#include "daemon/api/inbox_methods.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "domain/text.h"
#include "transport/ipc/arguments.h"
#include "transport/limits.h"
#include "transport/link/group_name.h"

namespace outboxd::daemon {
namespace {

using domain::Result;
using domain::Status;
using transport::Arguments;
using transport::Request;
using transport::Writer;

constexpr std::int64_t kMaxInteger = std::numeric_limits<std::int64_t>::max();

Status needs_connection(const Request& request) {
  if (!request.is_notification) return domain::ok_status();
  return domain::bad_request("method", std::string(request.method) +
                                           " must be a request: deliveries go to its connection");
}

Result<std::string> topic_argument(const Arguments& arguments) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto topic, arguments.string("topic"));
  if (transport::is_consumable_topic(topic)) return std::string(topic);
  return domain::bad_request("topic",
                             "topic must be 1 to 64 characters from A-Z a-z 0-9 . _ -, or "
                             "dead:TOPIC:GROUP for what died there");
}

Result<std::string> group_argument(const Arguments& arguments) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto group, arguments.string("group"));
  if (transport::is_valid_group(group)) return std::string(group);
  return domain::bad_request("group", "group must be 1 to " +
                                          std::to_string(transport::kMaxGroupBytes) +
                                          " characters from A-Z a-z 0-9 . _ : -");
}

Status subscribe(const InboxApi& api, const Request& request) {
  OUTBOXD_TRY(needs_connection(request));
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"topic", "group", "credit"}));
  OUTBOXD_ASSIGN_OR_RETURN(const std::string topic, topic_argument(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const std::string group, group_argument(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const std::int64_t credit,
                           arguments.integer("credit", {0, kMaxInteger}));
  OUTBOXD_ASSIGN_OR_RETURN(const std::size_t given,
                           api.consumers.subscribe(request.reply_to.connection, topic, group,
                                                   static_cast<std::size_t>(credit)));
  std::string result;
  Writer(result)
      .map(3)
      .field("topic", topic)
      .field("group", group)
      .field("credit", std::uint64_t{given});
  api.server.reply(request.reply_to, result);
  return domain::ok_status();
}

void reply_nothing(const InboxApi& api, const Request& request) {
  std::string result;
  Writer(result).map(0);
  api.server.reply(request.reply_to, result);
}

// The mark alone: the event had no effect here, or one that is kept elsewhere.
void acknowledge(const InboxApi& api, const Request& request, DeliveryId delivery) {
  api.core.execute(
      request.reply_to,
      [&](domain::UnitOfWork& work, Writer& writer) -> Status {
        work.inbox().put(api.inbox.mark_of(delivery), api.elapsed.elapsed_ms());
        api.consumers.note_committing(delivery);
        writer.map(0);
        return domain::ok_status();
      },
      [&consumers = api.consumers, delivery](const Status&) { consumers.acknowledge(delivery); });
}

Status settle(const InboxApi& api, const Request& request) {
  OUTBOXD_TRY(needs_connection(request));
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"tag", "outcome", "reason"}));
  OUTBOXD_ASSIGN_OR_RETURN(const std::int64_t tag, arguments.integer("tag", {0, kMaxInteger}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto outcome, arguments.string("outcome"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto given_reason, arguments.optional_string("reason"));
  const std::string reason(given_reason.value_or(""));
  OUTBOXD_TRY(domain::check_text(reason, "reason", 0, transport::kMaxReasonBytes));
  if (outcome != "ack" && outcome != "retry" && outcome != "dead") {
    return domain::bad_request("outcome", "outcome must be ack, retry or dead");
  }
  OUTBOXD_ASSIGN_OR_RETURN(
      const DeliveryId delivery,
      api.consumers.find(request.reply_to.connection, static_cast<std::uint64_t>(tag), "tag"));
  if (outcome == "ack") {
    acknowledge(api, request, delivery);
    return domain::ok_status();
  }
  outcome == "retry" ? api.consumers.retry(delivery, reason) : api.consumers.bury(delivery, reason);
  reply_nothing(api, request);
  return domain::ok_status();
}

}  // namespace

void add_inbox_methods(MethodTable& methods, InboxApi api) {
  methods.add("inbox.subscribe", Access::kWrite,
              [api](const Request& r) { return subscribe(api, r); });
  methods.add("inbox.settle", Access::kWrite, [api](const Request& r) { return settle(api, r); });
}

}  // namespace outboxd::daemon
