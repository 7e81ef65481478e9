#include "daemon/runtime.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <utility>

#include "daemon/api/order_methods.h"
#include "daemon/api/state_methods.h"
#include "systemd/log.h"
#include "systemd/notify.h"

namespace outboxd::daemon {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWaitTick{20};        // how late a timeout of outbox.wait may be told
constexpr milliseconds kTailTick{5};         // between steps of a tail that is behind
constexpr milliseconds kDrainLimit{10'000};  // a client that does not read cannot hold the stop up
constexpr std::int64_t kLinkLingerMs = 500;
constexpr std::size_t kMaxMaintenanceJobs = 16;
constexpr mode_t kSocketMode = 0660;  // API.md, "Transport"

// G10: what is on the disk is not known any more. Nothing may be answered, so not even destructors
// run; a restart reads what really is there.
void stop_rather_than_lie(const domain::Error& error) {
  systemd::log_error("the commit failed; stopping without an answer", {{"reason", error.message}});
  std::_Exit(EXIT_FAILURE);
}

// Tells the broker this process from one that runs on a copy of its data directory. 0 would say that
// there is no number.
std::uint64_t random_instance() {
  std::random_device device;
  const std::uint64_t high = device();
  return (high << 32 | device()) | 1;
}

RelayOptions relay_options(const Config& config, std::uint64_t epoch) {
  RelayOptions options;
  options.link.endpoint = config.broker.endpoint;
  options.link.producer = config.producer;
  options.link.epoch = epoch;
  options.link.instance = random_instance();
  options.link.window_events = static_cast<std::size_t>(config.broker.window_events);
  options.link.window_bytes = static_cast<std::size_t>(config.broker.window_bytes);
  options.link.software_version = OUTBOXD_VERSION;
  return options;
}

DiskLimits disk_limits(const Config& config) {
  return {.soft_free_bytes = static_cast<std::uint64_t>(config.storage.soft_free_bytes),
          .hard_free_bytes = static_cast<std::uint64_t>(config.storage.hard_free_bytes)};
}

DaemonFacts facts_of(const RuntimeParts& parts) {
  return {.producer = parts.config.producer,
          .epoch = parts.epoch,
          .endpoint = parts.config.broker.endpoint,
          .modules = parts.config.modules,
          .started_monotonic_ms = parts.clock.monotonic_ms(),
          .max_backlog_events = static_cast<std::uint64_t>(parts.config.outbox.max_backlog_events)};
}

}  // namespace

Runtime::Runtime(RuntimeParts parts)
    : parts_(std::move(parts)),
      facts_(facts_of(parts_)),
      disk_(disk_limits(parts_.config), parts_.free_bytes),
      gateway_(methods_, parts_.access, disk_),
      server_(loop_, gateway_),
      core_(loop_, parts_.store, {}, stop_rather_than_lie),
      progress_(parts_.durable_progress().next_seq - 1, parts_.durable_progress().completed_seq),
      tail_(server_, parts_.reader, parts_.config.producer),
      orders_(parts_.publisher, parts_.clock),
      transactions_(parts_.publisher, parts_.clock),
      relay_(relay_options(parts_.config, parts_.epoch), loop_, parts_.reader,
             parts_.durable_progress, parts_.clock,
             {.acknowledged = [this](domain::Seq seq) { on_acknowledged(seq); },
              .rejected = [this](domain::Seq seq, const std::string& code,
                                 const std::string& message) { on_rejected(seq, code, message); },
              .link_changed = [this](const LinkStatus& link) { on_link_changed(link); }}),
      outbox_api_{server_, parts_.reader, progress_, tail_, parts_.clock, parts_.config.producer},
      recorded_seq_(progress_.delivered_seq()),
      second_timer_(loop_),
      wait_timer_(loop_),
      tail_timer_(loop_),
      flush_timer_(loop_),
      watchdog_timer_(loop_),
      drain_timer_(loop_),
      worker_(1, kMaxMaintenanceJobs) {
  gateway_.attach(server_);
  gateway_.on_connection_end([this](transport::ConnectionId connection) {
    progress_.forget(connection);
    tail_.forget(connection);
  });
  core_.attach(server_);
  core_.before_seal([this] {
    record_progress();
    burial_in_flight_ |= std::exchange(burial_in_group_, false);
  });
  core_.after_commit([this](const domain::SealedGroup& group) { on_durable(group); });
  loop_.at_turn_end([this] { at_turn_end(); });
  add_methods();
  note_backlog();
}

void Runtime::add_methods() {
  add_order_methods(methods_, {core_, server_, orders_, parts_.reader, parts_.ids});
  add_state_methods(methods_, {core_, server_, transactions_, parts_.reader});
  add_outbox_methods(methods_, outbox_api_);
  add_daemon_methods(methods_, {loop_, server_, core_, gateway_, relay_, disk_, progress_, metrics_,
                                parts_.reader, parts_.maintenance, worker_, parts_.clock, facts_});
}

domain::Status Runtime::run(const std::vector<int>& listening_fds) {
  for (const int fd : listening_fds) server_.adopt(fd);
  if (listening_fds.empty()) OUTBOXD_TRY(server_.listen(parts_.config.socket, kSocketMode));
  OUTBOXD_TRY(relay_.start());
  schedule();
  systemd::log_info("outboxd ready",
                    {{"socket", parts_.config.socket},
                     {"producer", facts_.producer},
                     {"epoch", facts_.epoch},
                     {"next_seq", progress_.stored_seq() + 1},
                     {"pending", progress_.stored_seq() - progress_.delivered_seq()},
                     {"broker", facts_.endpoint.empty() ? "none" : facts_.endpoint}});
  systemd::notify_ready("ready");
  loop_.run();
  return domain::ok_status();
}

void Runtime::stop() {
  loop_.post([this] { begin_drain(); });
}

void Runtime::schedule() {
  second_timer_.start_every(milliseconds(1000), [this] { every_second(); });
  if (const auto interval = systemd::watchdog_interval()) {
    watchdog_timer_.start_every(*interval / 2, [this] { feed_watchdog(); });
  }
}

void Runtime::every_second() {
  if (disk_.refresh()) {
    systemd::log_warning("disk space level changed", {{"level", name_of(disk_.level())},
                                                      {"free_bytes", disk_.last_free_bytes()}});
  }
  parts_.on_disk_level(disk_.level());
  if (collecting_) return;
  collecting_ = worker_.post([this] {
    domain::Status status = parts_.maintenance.collect();
    loop_.post([this, outcome = std::move(status)] {
      collecting_ = false;
      if (!outcome) systemd::log_error("collection failed", {{"reason", outcome.error().message}});
    });
  });
}

void Runtime::feed_watchdog() {
  // Not a sign of life of the timer but of the commit path: a group that hangs keeps it from being
  // fed.
  if (core_.made_progress()) systemd::notify_watchdog();
}

void Runtime::at_turn_end() {
  if (tail_.catch_up(progress_.stored_seq() + 1) && !tail_timer_armed_) {
    tail_timer_armed_ = true;
    tail_timer_.start_once(kTailTick,
                           [this] { tail_timer_armed_ = false; });  // wakes the next turn
  }
  if (progress_.waiting() > 0 && !wait_timer_armed_) {
    wait_timer_armed_ = true;
    wait_timer_.start_once(kWaitTick, [this] {
      wait_timer_armed_ = false;
      answer_timed_out(outbox_api_, progress_.expire(parts_.clock.monotonic_ms()));
    });
  }
  // A burial of what was buried already makes no group that would end the wait for it.
  if (core_.idle()) {
    burial_in_group_ = false;
    if (acknowledged_later_ != 0) on_acknowledged(std::exchange(acknowledged_later_, 0));
  }
  if (draining_ && core_.idle() && server_.idle()) finish_drain();
}

void Runtime::begin_drain() {
  if (draining_) return;
  draining_ = true;
  systemd::log_info("stopping: answering what was received");
  systemd::notify_stopping("draining");
  server_.drain();
  answer_shutting_down(outbox_api_, progress_.take_all());
  drain_timer_.start_once(kDrainLimit, [this] { finish_drain(); });
}

void Runtime::finish_drain() {
  relay_.stop(kLinkLingerMs);
  loop_.stop();
}

void Runtime::on_durable(const domain::SealedGroup& group) {
  metrics_.observe_commit(core_.counters().last_commit_us, group.entries().size());
  burial_in_flight_ = false;
  if (!burial_in_group_ && acknowledged_later_ != 0) {
    on_acknowledged(std::exchange(acknowledged_later_, 0));
  }
  if (group.entries().empty()) return;
  relay_.offer(group);
  tail_.offer(group);
  answer_reached(outbox_api_, progress_.stored_through(group.entries().back().seq));
  note_backlog();
}

void Runtime::on_acknowledged(domain::Seq seq) {
  // A rejected event counts as delivered too. It becomes so, and whoever waits for it is told, once
  // its dead letter is durable.
  if (burial_in_group_ || burial_in_flight_) {
    acknowledged_later_ = std::max(acknowledged_later_, seq);
    return;
  }
  answer_reached(outbox_api_, progress_.delivered_through(seq));
  note_backlog();
  // Progress rides in the next group; when there is none for a while it is written on its own.
  if (recorded_seq_ < progress_.delivered_seq() && !flush_timer_armed_) {
    flush_timer_armed_ = true;
    flush_timer_.start_once(milliseconds(parts_.config.outbox.ack_flush_ms), [this] {
      flush_timer_armed_ = false;
      record_progress();
    });
  }
}

void Runtime::on_rejected(domain::Seq seq, const std::string& code, const std::string& message) {
  systemd::log_warning("the broker rejected an event; it is a dead letter now",
                       {{"seq", seq}, {"code", code}, {"reason", message}});
  burial_in_group_ = true;
  core_.record([&](domain::UnitOfWork& work) {
    return work.outbox().bury(seq, code + ": " + message, parts_.clock.wall_ms());
  });
}

void Runtime::on_link_changed(const LinkStatus& link) {
  systemd::log_info(
      "broker link",
      {{"state", name_of(link.state)}, {"endpoint", facts_.endpoint}, {"reason", link.last_error}});
  systemd::notify_status("broker " + std::string(name_of(link.state)));
}

void Runtime::record_progress() {
  const domain::Seq delivered_seq = progress_.delivered_seq();
  // On a full disk progress stays in memory: losing it costs a redelivery, which the broker drops.
  if (delivered_seq <= recorded_seq_ || disk_.level() == DiskLevel::kHard) return;
  recorded_seq_ = delivered_seq;
  core_.record([delivered_seq](domain::UnitOfWork& work) {
    work.outbox().complete_through(delivered_seq);
    return domain::ok_status();
  });
}

void Runtime::note_backlog() {
  parts_.backlog.entries = progress_.stored_seq() - progress_.delivered_seq();
}

}  // namespace outboxd::daemon
