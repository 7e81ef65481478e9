#include "client/ctl/import_run.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <poll.h>

namespace outboxd::ctl {
namespace {

using client::Failure;
using client::FailureKind;
using order_import::Rejection;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kFirstPause{20};
constexpr milliseconds kLongestPause{1000};

// Would be said to every request: going on makes no sense.
bool concerns_all(const Failure& refusal) {
  return refusal.code == "permission_denied" || refusal.code == "unknown_method";
}

bool may_be_tried_again(const Failure& refusal) {
  return refusal.kind == FailureKind::kOutcomeUnknown || refusal.retry == "later";
}

Failure failure_of_source(const domain::Error& error) {
  return Failure{.kind = FailureKind::kRefused,
                 .code = std::string(domain::name_of(error.code)),
                 .message = error.message,
                 .details = nullptr,
                 .retry = "never"};
}

}  // namespace

std::uint64_t ImportReport::rejected_rows() const {
  std::uint64_t total = 0;
  for (const auto& [reason, rows_of_reason] : rejected) total += rows_of_reason;
  return total;
}

client::Status ImportRun::run() {
  last_settled_ = steady_clock::now();
  // A daemon that is not there at the start is said at once; one that goes away may come back.
  OUTBOXD_ASSIGN_OR_RETURN(client_, client::Client::connect(options_));
  while (true) {
    OUTBOXD_TRY(ensure_connected());
    if (auto filled = fill(); !filled) {
      if (filled.error().kind == FailureKind::kRefused) return filled;
      OUTBOXD_TRY(recover(filled.error()));
      continue;
    }
    if (in_flight_.empty()) {
      if (!put_off_) return domain::Nothing{};
      OUTBOXD_TRY(pause(*std::exchange(put_off_, std::nullopt)));
      continue;
    }
    auto reply = client_->receive();
    OUTBOXD_TRY(reply ? settle(std::move(*reply)) : recover(reply.error()));
    on_progress_(report_);
  }
}

client::Status ImportRun::ensure_connected() {
  while (!client_) {
    auto connected = client::Client::connect(options_);
    if (connected) {
      client_ = std::move(*connected);
    } else {
      OUTBOXD_TRY(pause(connected.error()));
    }
  }
  return domain::Nothing{};
}

client::Status ImportRun::fill() {
  while (!put_off_ && client_->can_send()) {
    OUTBOXD_ASSIGN_OR_RETURN(std::optional<Request> request, next_request());
    if (!request) break;
    if (request->method == "order.cancel" && is_in_flight(request->order_id)) {
      held_ = std::move(request);
      break;
    }
    const auto sent = client_->send(request->method, request->arguments);
    if (sent) {
      in_flight_.emplace(*sent, std::move(*request));
    } else if (sent.error().kind == FailureKind::kRefused) {
      reject({.line = request->first_line,
              .rows = request->rows,
              .reason = sent.error().code,
              .message = sent.error().message});
    } else {
      again_.push_back(std::move(*request));
      return sent.error();
    }
  }
  return domain::Nothing{};
}

client::Result<std::optional<ImportRun::Request>> ImportRun::next_request() {
  if (held_) return std::exchange(held_, std::nullopt);
  if (!again_.empty()) {
    std::optional<Request> request(std::move(again_.front()));
    again_.pop_front();
    ++report_.resent;
    return request;
  }
  while (true) {
    auto item = source_.next();
    if (!item) {
      source_failed_ = true;
      return failure_of_source(item.error());
    }
    if (!item->has_value()) return std::optional<Request>();
    if (auto* request = std::get_if<Request>(&**item)) {
      report_.rows += request->rows;
      return std::optional<Request>(std::move(*request));
    }
    const auto& rejection = std::get<Rejection>(**item);
    report_.rows += rejection.rows;
    reject(rejection);
  }
}

client::Status ImportRun::settle(client::Reply reply) {
  const auto found = in_flight_.find(reply.msgid);
  OUTBOXD_CHECK(found != in_flight_.end());
  Request request = std::move(found->second);
  in_flight_.erase(found);
  if (!reply.outcome && may_be_tried_again(reply.outcome.error())) {
    put_off_ = reply.outcome.error();
    again_.push_back(std::move(request));
    return domain::Nothing{};
  }
  last_settled_ = steady_clock::now();
  next_pause_ = milliseconds(0);
  if (reply.outcome) {
    count_done(request, *reply.outcome);
    return domain::Nothing{};
  }
  const Failure& refusal = reply.outcome.error();
  if (concerns_all(refusal)) return refusal;
  reject({.line = request.first_line,
          .rows = request.rows,
          .reason = refusal.code,
          .message = request.method + " " + request.order_id + ": " + refusal.message});
  return domain::Nothing{};
}

void ImportRun::count_done(const Request& request, const client::Json& result) {
  const bool replayed = result.value("replayed", false);
  if (request.method == "order.create") {
    ++(replayed ? report_.replayed : report_.created);
  } else {
    ++(replayed ? report_.cancellations_replayed : report_.cancelled);
  }
}

void ImportRun::reject(const Rejection& rejection) {
  if (rejection.rows == 0) {
    ++report_.empty_orders;
  } else {
    report_.rejected[rejection.reason] += rejection.rows;
  }
  on_rejection_(rejection);
}

client::Status ImportRun::recover(const Failure& failure) {
  client_.reset();
  ++report_.connections_lost;
  if (held_) again_.push_front(*std::exchange(held_, std::nullopt));
  for (auto entry = in_flight_.rbegin(); entry != in_flight_.rend(); ++entry) {
    again_.push_front(std::move(entry->second));
  }
  in_flight_.clear();
  return pause(failure);
}

client::Status ImportRun::pause(const Failure& failure) {
  const auto waited = steady_clock::now() - last_settled_;
  if (waited >= options_.timeout) {
    Failure last = failure;
    if (!again_.empty()) last.kind = FailureKind::kOutcomeUnknown;
    last.retry = "same_id";
    return last;
  }
  next_pause_ = std::clamp(next_pause_ * 2, kFirstPause, kLongestPause);
  ::poll(nullptr, 0, static_cast<int>(next_pause_.count()));
  return domain::Nothing{};
}

bool ImportRun::is_in_flight(const std::string& order_id) const {
  return std::any_of(in_flight_.begin(), in_flight_.end(),
                     [&](const auto& entry) { return entry.second.order_id == order_id; });
}

}  // namespace outboxd::ctl
