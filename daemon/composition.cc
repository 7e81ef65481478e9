#include "daemon/composition.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <system_error>
#include <utility>

#include <fmt/core.h>
#include <unistd.h>

#include "daemon/ballast.h"
#include "daemon/outbox_publisher.h"
#include "daemon/payments/gateway_authorization.h"
#include "daemon/payments/http_gateway.h"
#include "daemon/payments/simulated_gateway.h"
#include "daemon/random_ids.h"
#include "daemon/runtime.h"
#include "daemon/signal_watch.h"
#include "storage/store.h"
#include "systemd/log.h"
#include "systemd/notify.h"
#include "systemd/socket_activation.h"
#include "systemd/stop_signal.h"
#include "systemd/system_clock.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::daemon {
namespace {

using domain::Result;
using domain::Status;

constexpr std::chrono::milliseconds kRecoveryExtension{300'000};  // recovery reads the log once

// What operators do, on the outbox store.
class StoreMaintenance : public Maintenance {
 public:
  explicit StoreMaintenance(storage::OutboxStore& store) : store_(store) {}

  Result<StoreFigures> figures() override {
    OUTBOXD_ASSIGN_OR_RETURN(const storage::StoreStats stats, store_.stats());
    return StoreFigures{stats.disk_bytes, stats.oldest_pending_time_ms};
  }

  Result<VerifyOutcome> verify() override {
    OUTBOXD_ASSIGN_OR_RETURN(storage::VerifyReport report, store_.verify());
    return VerifyOutcome{{{"orders", report.orders},
                          {"payments", report.payments},
                          {"wallets", report.wallets},
                          {"reservations", report.reservations},
                          {"state_keys", report.state_keys},
                          {"outbox_entries", report.outbox_entries},
                          {"request_records", report.request_records},
                          {"inbox_marks", report.inbox_marks},
                          {"dead_entries", report.dead_entries}},
                         std::move(report.problems),
                         std::move(report.damages)};
  }

  Status compact() override { return store_.compact(); }
  Status collect() override { return store_.collect(); }
  Status stop_compacting() override { return store_.stop_compacting(); }

 private:
  storage::OutboxStore& store_;
};

// Takes the place of an entry that damage destroyed, so that consumers learn of the loss.
domain::OutboxEntry lost_entry(domain::Seq seq, const domain::Clock& clock) {
  std::string data;
  transport::Writer(data).map(1).field("seq", seq);
  transport::Envelope envelope{.time_ms = clock.wall_ms(),
                               .topic = "outboxd",
                               .key = "lost",
                               .type = "outbox.entry_lost",
                               .data = data};
  Result<std::string> encoded = transport::encode_envelope(envelope);
  return {.seq = seq,
          .time_ms = envelope.time_ms,
          .ttl_ms = std::nullopt,
          .topic = std::string(envelope.topic),
          .envelope = std::move(encoded).value()};
}

// The host's name as an identifier: what an identifier may not have becomes '-'.
std::string host_as_name() {
  char name[domain::kMaxIdLength + 1] = {};
  if (::gethostname(name, domain::kMaxIdLength) != 0 || name[0] == '\0') return "outboxd";
  std::string host(name);
  for (char& c : host) {
    if (!domain::is_valid_id(std::string_view(&c, 1))) c = '-';
  }
  return host;
}

storage::StoreOptions store_options(const Config& config, const domain::Clock& clock, bool repair) {
  storage::StoreOptions options;
  options.path = config.data_dir;
  options.producer = config.producer;
  options.host = host_as_name();
  options.repair = repair;
  options.lost_entry = [&clock](domain::Seq seq) { return lost_entry(seq, clock); };
  options.clock = &clock;
  options.request_ttl_ms =
      config.storage.request_ttl_ms.value_or(std::numeric_limits<std::int64_t>::max());
  options.mark_ttl_ms = config.inbox.mark_ttl_ms.value_or(std::numeric_limits<std::int64_t>::max());
  return options;
}

void log_recovery(const storage::StoreRecovery& recovery) {
  if (recovery.torn_tail_dropped) {
    systemd::log_notice(
        "cut an unfinished write off the end of the log: a stop in the middle of a commit leaves "
        "one, "
        "and such a commit is not acknowledged. A disk that lost acknowledged data right there "
        "would "
        "leave the same.");
  }
}

// What a repair can tell of the commits that are gone.
std::string losses_in(const storage::StoreRecovery::Damage& damage) {
  std::string text = damage.events ? fmt::format("lost the changes that made events {} to {}",
                                                 damage.events->first, damage.events->last)
                                   : std::string("which changes were lost cannot be told");
  if (damage.after) text += fmt::format("; lost whatever came after event {}", *damage.after);
  return text;
}

int fail(const domain::Error& error) {
  systemd::log_error(error.message);
  return EXIT_FAILURE;
}

// Empty when the gateway asks for none.
Result<std::string> authorization_of(const Config::Payments& payments) {
  if (payments.authorization_file.empty()) return std::string();
  const char* const credentials = std::getenv("CREDENTIALS_DIRECTORY");
  return read_authorization(payments.authorization_file, credentials ? credentials : "");
}

Result<std::unique_ptr<domain::PaymentGateway>> make_gateway(const Config::Payments& payments) {
  std::unique_ptr<domain::PaymentGateway> gateway;
  if (payments.gateway == "http") {
    OUTBOXD_ASSIGN_OR_RETURN(std::string authorization, authorization_of(payments));
    gateway = std::make_unique<HttpGateway>(
        HttpGatewayOptions{.url = payments.url,
                           .refund_url = payments.refund_url,
                           .timeout_ms = payments.timeout_ms,
                           .authorization = std::move(authorization)});
  } else {
    gateway = std::make_unique<SimulatedGateway>(std::chrono::milliseconds(payments.latency_ms));
  }
  return gateway;
}

// A disk that is full must not keep us from opening the store.
void make_room(const Config& config, const Ballast& ballast) {
  std::error_code ignored;
  if (!std::filesystem::exists(config.data_dir, ignored) ||
      free_bytes_at(config.data_dir) >=
          static_cast<std::uint64_t>(config.storage.hard_free_bytes)) {
    return;
  }
  systemd::log_warning("the disk is full; giving the ballast up to start",
                       {{"path", config.data_dir}});
  if (const Status released = ballast.release(); !released) {
    systemd::log_warning(released.error().message);
  }
}

// The ballast is there while there is room for it.
void keep_ballast(const Ballast& ballast, DiskLevel level) {
  if (level != DiskLevel::kOk) return;
  if (const Status restored = ballast.restore(); !restored) {
    systemd::log_warning(restored.error().message);
  }
}

void report_repair(const storage::StoreRecovery& recovery) {
  if (!recovery.repaired()) {
    fmt::print("outboxd: nothing to repair\n");
    return;
  }
  for (const std::string& mended : recovery.mended) fmt::print("outboxd: {}\n", mended);
  for (const auto& damage : recovery.damages) {
    fmt::print("outboxd: damage in {} at byte {}: {}\n", damage.file, damage.offset,
               losses_in(damage));
    fmt::print("outboxd:   {}\n", damage.what);
  }
  if (!recovery.copy_directory.empty()) {
    fmt::print("outboxd: the damaged files are kept in {}\n", recovery.copy_directory);
  }
  for (const storage::SeqRange& range : recovery.lost) {
    fmt::print("outboxd: lost events {} to {}{}\n", range.first, range.last,
               recovery.lost_entries_replaced ? "; outbox.entry_lost takes their places" : "");
  }
  const bool is_end_lost = std::ranges::any_of(
      recovery.damages, [](const auto& damage) { return damage.after.has_value(); });
  if (!recovery.damages.empty() && recovery.lost.empty() && !is_end_lost) {
    fmt::print("outboxd: no undelivered event was lost\n");
  }
  for (const domain::Seq seq : recovery.unchained) {
    fmt::print("outboxd: event {} did not follow from the one before it; it stays as it is\n", seq);
  }
}

}  // namespace

int run_daemon(const Config& configured) {
  Config config = configured;
  const systemd::StopSignal stop_signal;  // before any thread is started
  const systemd::SystemClock clock;
  RandomIds ids;
  const Result<AccessRules> access =
      AccessRules::resolve(config.access.read, config.access.write, config.access.admin);
  if (!access) return fail(access.error());

  const Result<std::unique_ptr<domain::PaymentGateway>> payment_gateway =
      make_gateway(config.payments);
  if (!payment_gateway) return fail(payment_gateway.error());

  const Ballast ballast(config.data_dir);
  make_room(config, ballast);
  systemd::notify_extend_timeout(kRecoveryExtension);
  DamageWatch damage(clock);
  storage::StoreOptions options = store_options(config, clock, false);
  options.on_damage = [&damage](const domain::Error& error) { damage.note(error); };
  Result<std::unique_ptr<storage::OutboxStore>> store =
      storage::OutboxStore::open(std::move(options));
  if (!store) return fail(store.error());
  log_recovery((*store)->recovery());
  config.producer = (*store)->identity().producer;

  StoreMaintenance maintenance(**store);
  OutboxPublisher::Backlog backlog{
      .max_entries = static_cast<std::uint64_t>(config.outbox.max_backlog_events)};
  OutboxPublisher publisher(backlog);
  Runtime runtime(
      {.config = config,
       .access = *access,
       .store = **store,
       .reader = **store,
       .identity = **store,
       .maintenance = maintenance,
       .damage = damage,
       .publisher = publisher,
       .backlog = backlog,
       .clock = clock,
       .elapsed = (*store)->elapsed(),
       .ids = ids,
       .payment_gateway = **payment_gateway,
       .lost_envelope = [&clock](domain::Seq seq) { return lost_entry(seq, clock).envelope; },
       .epoch = (*store)->epoch(),
       .durable_progress = [&store] { return (*store)->durable_progress(); },
       .complete_above = (*store)->complete_above_at_open(),
       .free_bytes = [&config] { return free_bytes_at(config.data_dir); },
       .on_disk_level = [&ballast](DiskLevel level) { keep_ballast(ballast, level); }});
  const SignalWatch signals(stop_signal, [&runtime] { runtime.stop(); });
  std::vector<int> listening_fds;
  for (const systemd::ListeningSocket& socket : systemd::take_listening_sockets()) {
    listening_fds.push_back(socket.fd);
  }
  if (const Status status = runtime.run(listening_fds); !status) return fail(status.error());
  systemd::log_info("stopped");
  return EXIT_SUCCESS;
}

int repair_store(const Config& config) {
  const systemd::SystemClock clock;
  const auto store = storage::OutboxStore::open(store_options(config, clock, true));
  if (!store) return fail(store.error());
  report_repair((*store)->recovery());
  // What is left is in no log and in nobody's chain: a record that does not decode, for example.
  const Result<storage::VerifyReport> report = (*store)->verify();
  if (!report) return fail(report.error());
  for (const std::string& damage : report->damages) {
    fmt::print("outboxd: cannot be repaired: {}\n", damage);
  }
  if (report->damages.empty()) return EXIT_SUCCESS;
  fmt::print("outboxd: restore a backup of {}\n", config.data_dir);
  return EXIT_FAILURE;
}

}  // namespace outboxd::daemon
