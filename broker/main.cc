// outbox-broker: the other end of outboxd's relay.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>
#include <sys/resource.h>

#include "broker/admin_api.h"
#include "broker/broker.h"
#include "broker/collector_thread.h"
#include "broker/embedded/embedded_engine.h"
#include "broker/settings.h"
#include "broker/space_guard.h"
#include "broker/watchdog.h"
#include "systemd/log.h"
#include "systemd/notify.h"
#include "systemd/socket_activation.h"
#include "systemd/stop_signal.h"
#include "systemd/system_clock.h"

namespace outboxd::broker {
namespace {

constexpr int kWrongUsage = 2;
constexpr std::chrono::seconds kCheckInterval{1};
constexpr mode_t kSocketMode = 0660;  // the group may ask

int fail(std::string_view doing, const domain::Error& error) {
  systemd::log_error(std::string(doing) + ": " + error.message,
                     {{"code", domain::name_of(error.code)}});
  return EXIT_FAILURE;
}

// G10: what was being written may be on the disk or not. Nothing may leave any more, not even what
// destructors would send.
[[noreturn]] void fail_stop(const domain::Error& error) {
  systemd::log_error("events could not be stored, stopping: " + error.message,
                     {{"code", domain::name_of(error.code)}});
  std::_Exit(EXIT_FAILURE);
}

// `settings` must outlive the broker.
BrokerOptions broker_options(const Settings& settings) {
  BrokerOptions options;
  options.endpoint = settings.listen;
  options.allowed_topics = settings.allowed_topics;
  options.sessions.window_events = static_cast<std::uint64_t>(settings.window_events);
  options.sessions.window_bytes = static_cast<std::uint64_t>(settings.window_bytes);
  options.sessions.peer_timeout_ms = settings.peer_timeout_ms;
  options.sessions.max_peers = static_cast<std::size_t>(settings.max_connections);
  options.sessions.max_producers = kMaxProducers;
  options.sessions.software_version = OUTBOXD_VERSION;
  options.groups.policy = [&settings](const GroupId& id) {
    const GroupPolicy& policy = policy_of(settings, id.topic, id.group);
    return RetryPolicy{.max_retries = static_cast<std::uint32_t>(policy.max_retries),
                       .backoff_base_ms = policy.backoff_base_ms,
                       .backoff_max_ms = policy.backoff_max_ms,
                       .message_ttl_ms = policy.message_ttl_ms};
  };
  return options;
}

// Thousands of daemons and our files are more descriptors than a shell gives, but not more than it
// may.
void raise_descriptor_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);  // if not, there is room for fewer connections
}

SpaceGuard space_guard(const Settings& settings) {
  return SpaceGuard({.soft_free_bytes = static_cast<std::uint64_t>(settings.soft_free_bytes),
                     .hard_free_bytes = static_cast<std::uint64_t>(settings.hard_free_bytes)},
                    [directory = settings.data_dir] { return free_bytes_at(directory); });
}

// RocksDB writes when it opens, and aborts on a full disk.
domain::Status enough_space_to_open(const Settings& settings, const SpaceGuard& space) {
  if (space.level() != SpaceLevel::kHard) return domain::ok_status();
  return domain::Error{domain::ErrorCode::kStorageFull,
                       "only " + std::to_string(space.free_bytes()) +
                           " bytes are free there, and to open it takes " +
                           std::to_string(settings.hard_free_bytes) + " (storage.hard_free_bytes)",
                       ""};
}

void obey_space(const SpaceGuard& space, Broker& broker, CollectorThread& collector) {
  const SpaceLevel level = space.level();
  broker.limit_writes(level);
  collector.pause(level == SpaceLevel::kHard);
  const std::initializer_list<systemd::LogField> fields = {{"free_bytes", space.free_bytes()}};
  switch (level) {
    case SpaceLevel::kOk:
      return systemd::log_notice("there is enough disk space: events are taken", fields);
    case SpaceLevel::kSoft:
      return systemd::log_warning("disk space is short: events are not taken", fields);
    case SpaceLevel::kHard:
      return systemd::log_error("there is no disk space: nothing is done until there is", fields);
  }
}

domain::Status listen_for_admin(const Settings& settings, transport::Server& server) {
  const auto sockets = systemd::take_listening_sockets();
  for (const systemd::ListeningSocket& socket : sockets) server.adopt(socket.fd);
  if (!sockets.empty()) return domain::ok_status();
  return server.listen(settings.socket, kSocketMode);
}

int repair(const Settings& settings) {
  const auto engine = EmbeddedEngine::open({.directory = settings.data_dir, .repair = true});
  if (!engine) return fail("cannot repair", engine.error());
  const EmbeddedRecovery& recovery = (*engine)->recovery();
  for (const std::string& mended : recovery.mended) std::puts(mended.c_str());
  if (recovery.damage.empty()) {
    std::puts("nothing acknowledged was damaged");
    return EXIT_SUCCESS;
  }
  for (const std::string& damage : recovery.damage) std::printf("damaged: %s\n", damage.c_str());
  if (!recovery.copy_directory.empty()) {
    std::printf("the damaged files are kept in %s\n", recovery.copy_directory.c_str());
  }
  for (const OffsetRange& lost : recovery.lost) {
    std::printf("lost: topic %s, offsets %llu to %llu\n", lost.topic.c_str(),
                static_cast<unsigned long long>(lost.first),
                static_cast<unsigned long long>(lost.last));
  }
  if (recovery.lost.empty()) std::puts("no gap is left in any topic");
  return EXIT_SUCCESS;
}

int run(const Settings& settings) {
  const systemd::StopSignal stop_signal;
  const systemd::SystemClock clock;

  SpaceGuard space = space_guard(settings);
  if (const auto status = enough_space_to_open(settings, space); !status) {
    return fail("cannot open " + settings.data_dir, status.error());
  }
  const auto opened = EmbeddedEngine::open(
      {.directory = settings.data_dir,
       .retention = {.events_ms = settings.retention_ms, .dead_ms = settings.dead_retention_ms}});
  if (!opened) return fail("cannot open " + settings.data_dir, opened.error());
  EmbeddedEngine& engine = **opened;
  if (engine.recovery().torn_tail_dropped) {
    systemd::log_notice(
        "cut an unfinished write off the end of the log: a stop in the middle of a write leaves "
        "one, "
        "and such a write is not acknowledged. A disk that lost acknowledged data right there "
        "would "
        "leave the same.");
  }

  transport::EventLoop loop;
  AdminApi* admin = nullptr;
  Broker broker(broker_options(settings), engine, clock,
                {.on_durable = [&admin] { admin->wake_tails(); }, .on_failure = fail_stop});
  AdminApi admin_api({}, loop, broker, engine, space, clock);
  admin = &admin_api;
  if (const auto status = broker.start(); !status) return fail("cannot listen", status.error());
  if (const auto status = listen_for_admin(settings, admin_api.server()); !status) {
    return fail("cannot listen", status.error());
  }
  std::thread admin_thread([&loop] { loop.run(); });

  const std::string ready = "listening on " + broker.endpoint() + ", socket " + settings.socket +
                            ", data in " + settings.data_dir;
  std::printf("outbox-broker ready: %s\n", ready.c_str());
  std::fflush(stdout);
  systemd::notify_ready(ready);

  CollectorThread collector(engine);
  if (space.level() != SpaceLevel::kOk) obey_space(space, broker, collector);
  Watchdog watchdog(broker, clock, systemd::watchdog_interval());
  while (!stop_signal.wait(kCheckInterval)) {
    if (space.refresh()) obey_space(space, broker, collector);
    watchdog.check();
  }

  systemd::notify_stopping("storing what was accepted");
  broker.stop();
  loop.stop();
  admin_thread.join();
  systemd::log_info("stopped");
  return EXIT_SUCCESS;
}

void set_log_level(const std::string& name) {
  using systemd::LogLevel;
  for (const LogLevel level : {LogLevel::kError, LogLevel::kWarning, LogLevel::kNotice,
                               LogLevel::kInfo, LogLevel::kDebug}) {
    if (systemd::name_of(level) == name) systemd::set_log_level(level);
  }
}

}  // namespace
}  // namespace outboxd::broker

int main(int argc, char** argv) {
  using namespace outboxd::broker;
  CLI::App app("Takes the events of outboxd daemons and keeps them durably, topic by topic.");
  std::string config_file;
  Settings flags;
  bool check_only = false;
  bool wants_repair = false;
  app.add_option("--config", config_file, "Configuration file, instead of those in /etc/outboxd");
  const auto* data_dir = app.add_option("--data-dir", flags.data_dir, "Where the events are kept");
  const auto* socket = app.add_option("--socket", flags.socket, "Unix socket for outboxctl broker")
                           ->envname("OUTBOX_BROKER_SOCKET");
  const auto* listen =
      app.add_option("--listen", flags.listen, "tcp://HOST:PORT for daemons; port 0: any free one");
  app.add_flag("--check-config", check_only, "Say what is wrong with the configuration, and stop");
  app.add_flag("--repair", wants_repair, "Open damaged data, tell what was lost, and stop");
  app.set_version_flag("--version", std::string("outbox-broker ") + OUTBOXD_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : kWrongUsage;
  }

  Settings settings;
  const auto problems = read_settings(config_file, settings);
  if (!problems.empty()) {
    std::fprintf(stderr, "%s\n", outboxd::config::describe(problems).c_str());
    return kWrongUsage;
  }
  if (data_dir->count() > 0) settings.data_dir = flags.data_dir;
  if (socket->count() > 0) settings.socket = flags.socket;
  if (listen->count() > 0) settings.listen = flags.listen;
  if (const auto problem = problem_with_endpoint(settings.listen)) {
    std::fprintf(stderr, "--listen: %s\n", problem->c_str());
    return kWrongUsage;
  }
  if (check_only) {
    std::puts("the configuration is good");
    return EXIT_SUCCESS;
  }
  set_log_level(settings.log_level);
  raise_descriptor_limit();
  return wants_repair ? repair(settings) : run(settings);
}
