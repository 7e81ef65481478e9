#include "client/consumer.h"

#include <algorithm>
#include <utility>

namespace outboxd::client {
namespace {

using Clock = std::chrono::steady_clock;

const char* name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAck: return "ack";
    case Outcome::kRetry: return "retry";
    case Outcome::kDead: break;
  }
  return "dead";
}

// A delivery without a tag could never be settled, so it is no delivery.
Result<Delivery> delivery_of(const Json& params) {
  const Json fields = params.empty() ? Json() : params[0];
  const auto is_number = [&fields](const char* name) {
    return fields.is_object() && fields.contains(name) && fields[name].is_number_unsigned();
  };
  if (!is_number("tag") || !is_number("attempt") || !fields.contains("event")) {
    return Failure{.kind = FailureKind::kOutcomeUnknown,
                   .code = "bad_reply",
                   .message = "a delivery without tag, attempt and event",
                   .details = nullptr,
                   .retry = "later"};
  }
  return Delivery{.tag = fields["tag"].get<std::uint64_t>(),
                  .attempt = fields["attempt"].get<std::uint32_t>(),
                  .event = fields["event"]};
}

}  // namespace

Status Consumer::subscribe(std::string_view topic, std::string_view group, std::uint64_t credit) {
  OUTBOXD_TRY(
      client_.call("inbox.subscribe", {{"topic", topic}, {"group", group}, {"credit", credit}}));
  return domain::Nothing{};
}

Result<Delivery> Consumer::next(std::chrono::milliseconds timeout) {
  const auto until = Clock::now() + timeout;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    OUTBOXD_ASSIGN_OR_RETURN(
        const Notification notification,
        client_.next_notification(std::max(left, std::chrono::milliseconds(0))));
    if (notification.method == "delivery") return delivery_of(notification.params);
  }
}

Result<Json> Consumer::commit(const Delivery& delivery, Json transaction) {
  transaction["settle"].push_back(delivery.tag);
  return client_.call("tx.commit", std::move(transaction));
}

Status Consumer::settle(const Delivery& delivery, Outcome outcome, std::string_view reason) {
  Json arguments = {{"tag", delivery.tag}, {"outcome", name_of(outcome)}};
  if (!reason.empty()) arguments["reason"] = reason;
  OUTBOXD_TRY(client_.call("inbox.settle", std::move(arguments)));
  return domain::Nothing{};
}

}  // namespace outboxd::client
