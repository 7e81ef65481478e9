#include "daemon/api/daemon_methods.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "daemon/api/link_methods.h"
#include "daemon/api/paging.h"
#include "domain/order.h"
#include "domain/time_format.h"
#include "transport/ipc/arguments.h"
#include "transport/limits.h"

namespace outboxd::daemon {
namespace {

using domain::Result;
using domain::Status;
using transport::Arguments;
using transport::ReplyAddress;
using transport::Request;
using transport::Writer;

// Everything that status and metrics tell about the outbox and the disk.
struct Figures {
  StoreFigures store;
  std::uint64_t dead = 0;
  std::uint64_t pending = 0;
  std::int64_t oldest_age_ms = 0;
};

Result<Figures> gather(const DaemonApi& api) {
  Figures figures;
  OUTBOXD_ASSIGN_OR_RETURN(figures.store, api.maintenance.figures());
  OUTBOXD_ASSIGN_OR_RETURN(figures.dead, api.reader.count_dead());
  figures.pending = api.progress.stored_seq() - api.progress.delivered_seq();
  if (figures.pending > 0 && figures.store.oldest_pending_time_ms > 0) {
    // A clock that was set back must not make an age negative.
    figures.oldest_age_ms =
        std::max<std::int64_t>(0, api.clock.wall_ms() - figures.store.oldest_pending_time_ms);
  }
  return figures;
}

void write_link(Writer& writer, const DaemonApi& api) {
  const LinkStatus& link = api.relay.status();
  writer.key("link").map(5).field("state", name_of(link.state));
  writer.field("since", domain::rfc3339(link.since_ms)).key("last_error");
  link.last_error.empty() ? writer.nil() : writer.string(link.last_error);
  writer.key("endpoint");
  api.facts.endpoint.empty() ? writer.nil() : writer.string(api.facts.endpoint);
  write_conflict(writer, link);
}

void write_outbox(Writer& writer, const DaemonApi& api, const Figures& figures) {
  writer.key("outbox").map(6).field("pending", figures.pending);
  writer.field("oldest_age_ms", figures.oldest_age_ms);
  writer.field("next_seq", api.progress.stored_seq() + 1);
  writer.field("delivered_seq", api.progress.delivered_seq());
  writer.field("completed_seq", api.completion.completed_seq());
  writer.field("dead", figures.dead);
}

void write_inbox(Writer& writer, const DaemonApi& api) {
  const InboxCounters& counters = api.inbox.counters();
  writer.key("inbox").map(11);
  writer.field("subscriptions", std::uint64_t{api.inbox.subscriptions()});
  writer.field("unsettled", std::uint64_t{api.inbox.unsettled()});
  writer.field("with_clients", std::uint64_t{api.consumers.handed_out()});
  writer.field("held", std::uint64_t{api.inbox.held()});
  writer.field("deliveries", counters.deliveries);
  writer.field("duplicates", counters.duplicates);
  writer.field("acknowledged", counters.acknowledged);
  writer.field("retried", counters.retried);
  writer.field("buried", counters.buried);
  writer.field("passed_over", counters.passed_over);
  writer.field("released", counters.released);
}

void write_storage(Writer& writer, const DaemonApi& api, const Figures& figures) {
  writer.key("storage").map(3).field("bytes", figures.store.disk_bytes);
  writer.field("free_bytes", api.disk.last_free_bytes());
  writer.field("level", name_of(api.disk.level()));
}

void write_limits(Writer& writer, const DaemonApi& api) {
  writer.key("limits").map(7);
  writer.field("message_bytes", std::uint64_t{transport::kMaxIpcMessageBytes});
  writer.field("depth", std::uint64_t{transport::kMaxDepth});
  writer.field("connections", std::uint64_t{transport::kMaxIpcConnections});
  writer.field("requests_in_flight", std::uint64_t{transport::kMaxIpcRequestsInFlight});
  writer.field("order_lines", std::uint64_t{domain::kMaxOrderLines});
  writer.field("page_entries", kMaxPageEntries);
  writer.field("backlog_events", api.facts.max_backlog_events);
}

void write_payments(Writer& writer, const PaymentCounters& counters) {
  writer.map(7);
  writer.field("approved", counters.approved).field("declined", counters.declined);
  writer.field("unavailable", counters.unavailable);
  writer.field("dead_lettered", counters.dead_lettered);
  writer.field("refunded", counters.refunded);
  writer.field("refunds_declined", counters.refunds_declined);
  writer.field("booked", counters.booked);
}

void write_reservations(Writer& writer, const ReservationFigures& figures) {
  writer.map(4).field("live_holds", figures.live_holds);
  writer.field("sold", figures.sold).field("tokens", figures.tokens);
  writer.field("token_expiry_failures", figures.token_expiry_failures);
}

// Each module that runs, with what it counts.
void write_modules(Writer& writer, const DaemonApi& api) {
  const auto payments = api.modules.payment_counters();
  const auto reservations = api.modules.reservation_figures();
  writer.key("modules").map(api.facts.modules.size());
  for (const std::string& module : api.facts.modules) {
    writer.key(module);
    if (module == kPaymentsModule && payments) {
      write_payments(writer, *payments);
    } else if (module == kReservationsModule && reservations) {
      write_reservations(writer, *reservations);
    } else {
      writer.map(0);
    }
  }
}

// nil where all is well.
void write_damage(Writer& writer, const DaemonApi& api) {
  writer.key("damaged");
  if (!api.damage.is_damaged()) return void(writer.nil());
  const DamageWatch::Damage damage = api.damage.damage();
  writer.map(3).field("since", domain::rfc3339(damage.since_ms));
  writer.key("problems").array(damage.problems.size());
  for (const std::string& problem : damage.problems) writer.string(problem);
  writer.field("repair", "stop the daemon and run outboxd --repair");
}

Status status(const DaemonApi& api, const Request& request) {
  OUTBOXD_TRY(Arguments::of_params(request.params, {}));
  OUTBOXD_ASSIGN_OR_RETURN(const Figures figures, gather(api));
  std::string result;
  Writer writer(result);
  writer.map(11).field("version", OUTBOXD_VERSION);
  writer.field("uptime_ms", api.clock.monotonic_ms() - api.facts.started_monotonic_ms);
  writer.field("producer", api.facts.producer).field("epoch", api.facts.epoch);
  write_damage(writer, api);
  write_link(writer, api);
  write_outbox(writer, api, figures);
  write_inbox(writer, api);
  write_storage(writer, api, figures);
  write_modules(writer, api);
  write_limits(writer, api);
  api.server.reply(request.reply_to, result);
  return domain::ok_status();
}

Status metrics(const DaemonApi& api, const Request& request) {
  OUTBOXD_TRY(Arguments::of_params(request.params, {}));
  OUTBOXD_ASSIGN_OR_RETURN(const Figures figures, gather(api));
  const std::string text = api.metrics.expose({
      .requests = api.gateway.counters().requests,
      .requests_refused = api.gateway.counters().refused,
      .units_committed = api.core.counters().units,
      .units_refused = api.core.counters().refused,
      .groups = api.core.counters().groups,
      .connections = api.server.connections(),
      .outbox_pending = figures.pending,
      .outbox_dead = figures.dead,
      .outbox_next_seq = api.progress.stored_seq() + 1,
      .outbox_delivered_seq = api.progress.delivered_seq(),
      .outbox_completed_seq = api.completion.completed_seq(),
      .inbox_unsettled = api.inbox.unsettled(),
      .inbox_held = api.inbox.held(),
      .inbox_deliveries = api.inbox.counters().deliveries,
      .inbox_duplicates = api.inbox.counters().duplicates,
      .inbox_acknowledged = api.inbox.counters().acknowledged,
      .inbox_retried = api.inbox.counters().retried,
      .inbox_buried = api.inbox.counters().buried,
      .inbox_passed_over = api.inbox.counters().passed_over,
      .inbox_released = api.inbox.counters().released,
      .oldest_pending_seconds = static_cast<double>(figures.oldest_age_ms) / 1000,
      .link_connected = api.relay.status().state == transport::LinkState::kConnected,
      .storage_bytes = figures.store.disk_bytes,
      .storage_free_bytes = api.disk.last_free_bytes(),
      .epoch = api.facts.epoch,
      .payments = api.modules.payment_counters(),
      .reservations = api.modules.reservation_figures(),
  });
  std::string result;
  Writer(result).string(text);
  api.server.reply(request.reply_to, result);
  return domain::ok_status();
}

std::string encode_verification(const VerifyOutcome& outcome) {
  std::string result;
  Writer writer(result);
  writer.map(3).field("ok", outcome.problems.empty());
  writer.key("counted").map(outcome.counted.size());
  for (const auto& [name, count] : outcome.counted) writer.field(name, count);
  writer.key("problems").array(outcome.problems.size());
  for (const std::string& problem : outcome.problems) writer.string(problem);
  return result;
}

// Runs `job` on the background thread and answers with what it returns.
Status in_background(const DaemonApi& api, ReplyAddress to,
                     std::function<Result<std::string>()> job) {
  const bool taken =
      api.worker.post([&loop = api.loop, &server = api.server, to, run = std::move(job)] {
        Result<std::string> result = run();
        loop.post([&server, to, answer = std::move(result)] {
          answer ? server.reply(to, *answer) : server.reply_error(to, answer.error());
        });
      });
  if (taken) return domain::ok_status();
  return domain::Error{domain::ErrorCode::kInvalidState,
                       "too many maintenance requests are waiting; try again later",
                       {}};
}

Status verify(const DaemonApi& api, const Request& request) {
  OUTBOXD_TRY(Arguments::of_params(request.params, {}));
  return in_background(
      api, request.reply_to,
      [&maintenance = api.maintenance, &damage = api.damage]() -> Result<std::string> {
        OUTBOXD_ASSIGN_OR_RETURN(const VerifyOutcome outcome, maintenance.verify());
        for (const std::string& problem : outcome.damages) {
          damage.note({.code = domain::ErrorCode::kDamaged, .message = problem});
        }
        return encode_verification(outcome);
      });
}

Status compact(const DaemonApi& api, const Request& request) {
  OUTBOXD_TRY(Arguments::of_params(request.params, {}));
  return in_background(
      api, request.reply_to,
      [&maintenance = api.maintenance, &damage = api.damage]() -> Result<std::string> {
        OUTBOXD_ASSIGN_OR_RETURN(const StoreFigures before, maintenance.figures());
        OUTBOXD_TRY(damage.noted(maintenance.compact()));
        OUTBOXD_ASSIGN_OR_RETURN(const StoreFigures after, maintenance.figures());
        std::string result;
        Writer(result)
            .map(2)
            .field("bytes_before", before.disk_bytes)
            .field("bytes_after", after.disk_bytes);
        return result;
      });
}

}  // namespace

void add_daemon_methods(MethodTable& methods, DaemonApi api) {
  methods.add("daemon.status", Access::kRead, [api](const Request& r) { return status(api, r); });
  methods.add("daemon.metrics", Access::kRead, [api](const Request& r) { return metrics(api, r); });
  methods.add("daemon.verify", Access::kAdmin, [api](const Request& r) { return verify(api, r); });
  methods.add("daemon.compact", Access::kAdmin,
              [api](const Request& r) { return compact(api, r); });
}

}  // namespace outboxd::daemon
