#include "daemon/runtime.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <utility>

#include "daemon/api/dead_methods.h"
#include "daemon/api/inbox_methods.h"
#include "daemon/api/link_methods.h"
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
constexpr std::int64_t kTimeKeptMs = 10'000;  // elapsed time that a power cut may take back
constexpr mode_t kSocketMode = 0660;          // API.md, "Transport"

// G10: what is on the disk is not known any more. Nothing may be answered, so not even destructors
// run; a restart reads what really is there.
void stop_rather_than_lie(const domain::Error& error) {
  systemd::log_error("the commit failed; stopping without an answer", {{"reason", error.message}});
  std::_Exit(EXIT_FAILURE);
}

// Tells the broker this process from one that runs on a copy of its data directory. 0 would say
// that there is no number.
std::uint64_t random_instance() {
  std::random_device device;
  const std::uint64_t high = device();
  return (high << 32 | device()) | 1;
}

std::vector<ConsumedBy> completion_rules(const Config& config) {
  std::vector<ConsumedBy> rules;
  for (const auto& [name, topic] : topics_with_rules(config)) {
    if (const auto group = consuming_group(topic)) rules.push_back({name, *group});
  }
  return rules;
}

std::vector<SeqRange> ranges_of(const std::vector<domain::SeqRange>& stored) {
  std::vector<SeqRange> ranges;
  for (const domain::SeqRange& range : stored) ranges.push_back({range.first, range.last});
  return ranges;
}

RelayOptions relay_options(const RuntimeParts& parts) {
  const Config& config = parts.config;
  const domain::StoreIdentity& identity = parts.identity.identity();
  RelayOptions options;
  options.link.endpoint = config.broker.endpoint;
  options.link.producer = identity.producer;
  options.link.store = identity.store_id;
  options.link.life = identity.life;
  options.link.base_seq = identity.base_seq;
  options.link.history = identity.history;
  options.link.epoch = parts.epoch;
  options.lost_envelope = parts.lost_envelope;
  options.link.instance = random_instance();
  options.link.window_events = static_cast<std::size_t>(config.broker.window_events);
  options.link.window_bytes = static_cast<std::size_t>(config.broker.window_bytes);
  options.link.software_version = OUTBOXD_VERSION;
  for (const ConsumedBy& rule : completion_rules(config)) {
    options.link.completions.emplace_back(rule.topic, rule.group);
  }
  return options;
}

DiskLimits disk_limits(const Config& config) {
  return {.soft_free_bytes = static_cast<std::uint64_t>(config.storage.soft_free_bytes),
          .hard_free_bytes = static_cast<std::uint64_t>(config.storage.hard_free_bytes)};
}

// A configuration may name a module twice; it runs once.
std::vector<std::string> each_once(std::vector<std::string> modules) {
  std::sort(modules.begin(), modules.end());
  modules.erase(std::unique(modules.begin(), modules.end()), modules.end());
  return modules;
}

DaemonFacts facts_of(const RuntimeParts& parts) {
  return {.producer = parts.config.producer,
          .epoch = parts.epoch,
          .endpoint = parts.config.broker.endpoint,
          .modules = each_once(parts.config.modules),
          .started_monotonic_ms = parts.clock.monotonic_ms(),
          .max_backlog_events = static_cast<std::uint64_t>(parts.config.outbox.max_backlog_events)};
}

}  // namespace

Runtime::Runtime(RuntimeParts parts)
    : parts_(std::move(parts)),
      facts_(facts_of(parts_)),
      reader_(parts_.reader, parts_.damage),
      disk_(disk_limits(parts_.config), parts_.free_bytes),
      gateway_(methods_, parts_.access, [this] { return admit_write(); }),
      server_(loop_, gateway_),
      core_(loop_, parts_.store, {}, stop_rather_than_lie),
      progress_(parts_.durable_progress().next_seq - 1, parts_.durable_progress().completed_seq),
      completion_(completion_rules(parts_.config), parts_.durable_progress().completed_seq,
                  ranges_of(parts_.complete_above)),
      tail_(server_, reader_, parts_.config.producer),
      events_(parts_.publisher),
      transactions_(events_, parts_.clock),
      relay_(relay_options(parts_), loop_, reader_, parts_.durable_progress, parts_.clock,
             relay_events()),
      inbox_({.commits = core_,
              .channel = relay_,
              .elapsed = parts_.elapsed,
              .admit_write = [this] { return admit_write(); },
              .epoch = parts_.epoch}),
      consumers_(
          inbox_,
          [this](transport::ConnectionId connection, std::string_view method,
                 std::string_view params) { return server_.notify(connection, method, params); }),
      modules_({.config = parts_.config,
                .loop = loop_,
                .server = server_,
                .core = core_,
                .inbox = inbox_,
                .reader = reader_,
                .events = events_,
                .clock = parts_.clock,
                .elapsed = parts_.elapsed,
                .ids = parts_.ids,
                .payment_gateway = parts_.payment_gateway}),
      outbox_api_{
          server_, reader_, progress_, completion_, tail_, parts_.clock, parts_.config.producer},
      ledger_({.loop = loop_,
               .core = core_,
               .disk = disk_,
               .reader = reader_,
               .clock = parts_.clock,
               .backlog = parts_.backlog,
               .progress = progress_,
               .completion = completion_,
               .api = outbox_api_,
               .flush_ms = parts_.config.outbox.ack_flush_ms}),
      expiry_({.commits = core_,
               .reader = reader_,
               .orders = modules_.orders(),
               .clock = parts_.clock,
               .elapsed = parts_.elapsed,
               .buried =
                   [this](domain::Seq seq) {
                     ledger_.note_buried(seq);
                     relay_.forget_fresh();
                   }},
              {.order_ttl_ms = parts_.config.orders.unpublished_ttl_ms}),
      decisions_({.keeper = parts_.identity,
                  .relay = relay_,
                  .core = core_,
                  .clock = parts_.clock,
                  .progress = parts_.durable_progress,
                  .buried =
                      [this](domain::Seq seq) {
                        ledger_.note_buried(seq);
                        relay_.forget_fresh();
                      }}),
      time_kept_ms_(parts_.elapsed.elapsed_ms()),
      second_timer_(loop_),
      wait_timer_(loop_),
      tail_timer_(loop_),
      watchdog_timer_(loop_),
      drain_timer_(loop_),
      check_(reader_, progress_.stored_seq()),
      worker_(1, kMaxMaintenanceJobs) {
  gateway_.attach(server_);
  gateway_.on_connection_end([this](transport::ConnectionId connection) {
    progress_.forget(connection);
    tail_.forget(connection);
    // What a stop takes from clients, the broker takes back without counting an attempt.
    if (!draining_) consumers_.forget(connection);
  });
  core_.attach(server_);
  core_.on_read_error([this](const domain::Error& error) { parts_.damage.note(error); });
  core_.at_unit_end([this](bool accepted) { return events_.unit_ended(accepted); });
  core_.before_seal([this] {
    remove_marks();
    ledger_.before_seal();
  });
  core_.after_commit([this](const domain::SealedGroup& group) { on_durable(group); });
  loop_.at_turn_end([this] { at_turn_end(); });
  add_methods();
}

RelayEvents Runtime::relay_events() {
  return {
      .acknowledged = [this](domain::Seq seq) { ledger_.acknowledged(seq); },
      .rejected = [this](domain::Seq seq, const std::string& code,
                         const std::string& message) { ledger_.rejected(seq, code, message); },
      .link_changed = [this](const LinkStatus& link) { on_link_changed(link); },
      .session = [this](const std::string& history) { on_session(history); },
      .delivered =
          [this](std::vector<transport::OwnedDelivery> deliveries) {
            if (!draining_) inbox_.deliver(std::move(deliveries));
          },
      .settled = [this](const std::vector<std::uint64_t>& tags) { inbox_.settled(tags); },
      .completed = [this](const std::string& topic,
                          const std::vector<SeqRange>& ranges) { ledger_.consumed(topic, ranges); },
      .subscription_refused =
          [this](const transport::Subscription& refused, const std::string& code,
                 const std::string& message) {
            systemd::log_warning("the broker refuses a subscription", {{"topic", refused.topic},
                                                                       {"group", refused.group},
                                                                       {"code", code},
                                                                       {"reason", message}});
            consumers_.refuse(refused.topic, refused.group, code, message);
          }};
}

void Runtime::add_methods() {
  modules_.add_methods(methods_);
  add_state_methods(methods_,
                    {core_, server_, transactions_, reader_, consumers_, inbox_, parts_.elapsed});
  add_dead_methods(methods_, {core_, server_, reader_, parts_.backlog, parts_.config.producer,
                              [this] { return parts_.damage.admit_write(); }});
  add_inbox_methods(methods_, {core_, server_, consumers_, inbox_, parts_.elapsed});
  add_outbox_methods(methods_, outbox_api_);
  add_link_methods(methods_,
                   {server_, relay_, parts_.identity, decisions_, parts_.durable_progress});
  add_daemon_methods(methods_, {loop_, server_, core_, gateway_, relay_, disk_, progress_,
                                completion_, inbox_, consumers_, modules_, metrics_, reader_,
                                parts_.maintenance, parts_.damage, worker_, parts_.clock, facts_});
}

domain::Status Runtime::run(const std::vector<int>& listening_fds) {
  for (const int fd : listening_fds) server_.adopt(fd);
  if (listening_fds.empty()) OUTBOXD_TRY(server_.listen(parts_.config.socket, kSocketMode));
  modules_.subscribe();
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
  remove_marks();
  inbox_.try_held();
  expire_unpublished();
  expire_holds();
  keep_time();
  look_for_damage();
  maintain();
}

// The collector's step, unless there is damage that it could spread; and the next piece of the
// outbox that was there at the start.
void Runtime::maintain() {
  if (collecting_) return;
  collecting_ = worker_.post([this, is_damaged = parts_.damage.is_damaged()] {
    domain::Status status = domain::ok_status();
    if (!is_damaged) status = parts_.damage.noted(parts_.maintenance.collect());
    if (!is_checked_) is_checked_ = !check_.step();
    loop_.post([this, outcome = std::move(status)] {
      collecting_ = false;
      if (!outcome) systemd::log_error("collection failed", {{"reason", outcome.error().message}});
    });
  });
}

void Runtime::look_for_damage() {
  if (is_damage_told_ || !parts_.damage.is_damaged()) return;
  is_damage_told_ = true;
  systemd::log_error("part of the data cannot be read; writes are refused until it is repaired",
                     {{"reason", parts_.damage.damage().problems.front()},
                      {"repair", "stop the daemon and run outboxd --repair"}});
  systemd::notify_status("damaged: run outboxd --repair");
  worker_.post([this] {
    if (const auto status = parts_.maintenance.stop_compacting(); !status) {
      systemd::log_warning(status.error().message);
    }
  });
}

domain::Status Runtime::admit_write() const {
  OUTBOXD_TRY(parts_.damage.admit_write());
  return disk_.admit_write();
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
  ledger_.catch_up();
  consumers_.pump();
  inbox_.flush();
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
  time_kept_ms_ = parts_.elapsed.elapsed_ms();
  for (const domain::OutboxEntry& entry : group.entries()) expiry_.note_stored(entry);
  metrics_.observe_commit(core_.counters().last_commit_us, group.entries().size());
  if (!group.entries().empty()) {
    relay_.offer(group);
    tail_.offer(group);
  }
  ledger_.note_durable(group);
}

void Runtime::on_link_changed(const LinkStatus& link) {
  const std::initializer_list<systemd::LogField> fields = {
      {"state", name_of(link.state)}, {"endpoint", facts_.endpoint}, {"reason", link.last_error}};
  const bool wants_people =
      link.state == transport::LinkState::kConflict || link.state == transport::LinkState::kFenced;
  if (wants_people) {
    systemd::log_error("broker link: people must decide; outboxctl link says how", fields);
  } else {
    systemd::log_info("broker link", fields);
  }
  systemd::notify_status("broker " + std::string(name_of(link.state)));
}

// Another broker must be known as such after a restart, too (G13).
void Runtime::on_session(const std::string& history) {
  domain::StoreIdentity identity = parts_.identity.identity();
  if (identity.history == history) return;
  identity.history = history;
  if (const domain::Status kept = parts_.identity.remember(identity, ""); !kept) {
    stop_rather_than_lie(kept.error());
  }
}

void Runtime::remove_marks() {
  // A mark that stays longer than it is needed does no harm.
  if (inbox_.removals() == 0 || disk_.level() == DiskLevel::kHard) return;
  core_.record([this](domain::UnitOfWork& work) {
    inbox_.remove_marks(work);
    return domain::ok_status();
  });
}

void Runtime::expire_unpublished() {
  if (draining_ || disk_.level() == DiskLevel::kHard || parts_.damage.is_damaged()) return;
  const bool more = expiry_.step(progress_.delivered_seq(), progress_.stored_seq());
  // In pieces, so that requests are served in between.
  if (more) loop_.post([this] { expire_unpublished(); });
}

void Runtime::expire_holds() {
  ReservationsModule* const reservations = modules_.reservations();
  if (reservations == nullptr || draining_ || disk_.level() == DiskLevel::kHard) return;
  if (parts_.damage.is_damaged()) return;
  if (reservations->expire_holds()) loop_.post([this] { expire_holds(); });
}

// Where time matters and nothing else is written, the elapsed time is, so that a box that is
// switched off every few minutes gets older all the same.
void Runtime::keep_time() {
  const std::int64_t now_ms = parts_.elapsed.elapsed_ms();
  const ReservationsModule* const reservations = modules_.reservations();
  const bool matters = expiry_.is_waiting(progress_.delivered_seq(), progress_.stored_seq()) ||
                       (reservations != nullptr && reservations->needs_time());
  if (!matters || now_ms - time_kept_ms_ < kTimeKeptMs || disk_.level() == DiskLevel::kHard) return;
  time_kept_ms_ = now_ms;
  core_.record([](domain::UnitOfWork& work) {
    work.touch();
    return domain::ok_status();
  });
}

}  // namespace outboxd::daemon
