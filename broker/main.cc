// outbox-broker: the other end of outboxd's relay.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>

#include "broker/admin_api.h"
#include "broker/broker.h"
#include "broker/embedded/embedded_engine.h"
#include "broker/settings.h"
#include "broker/watchdog.h"
#include "systemd/log.h"
#include "systemd/notify.h"
#include "systemd/socket_activation.h"
#include "systemd/stop_signal.h"
#include "systemd/system_clock.h"

namespace outboxd::broker {
namespace {

constexpr int kWrongUsage = 2;
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
  if (recovery.damage.empty()) {
    std::puts("nothing acknowledged was damaged");
    return EXIT_SUCCESS;
  }
  for (const std::string& damage : recovery.damage) std::printf("damaged: %s\n", damage.c_str());
  std::printf("the damaged files are kept in %s\n", recovery.copy_directory.c_str());
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

  const auto opened = EmbeddedEngine::open({.directory = settings.data_dir});
  if (!opened) return fail("cannot open " + settings.data_dir, opened.error());
  EmbeddedEngine& engine = **opened;
  if (engine.recovery().torn_tail_dropped) {
    systemd::log_notice(
        "the last write before the stop was not complete and is dropped; it was not "
        "acknowledged");
  }

  transport::EventLoop loop;
  AdminApi* admin = nullptr;
  Broker broker(broker_options(settings), engine, clock,
                {.on_durable = [&admin] { admin->wake_tails(); }, .on_failure = fail_stop});
  AdminApi admin_api({.data_dir = settings.data_dir}, loop, broker, engine, clock);
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

  Watchdog watchdog(broker);
  std::optional<std::chrono::milliseconds> interval = systemd::watchdog_interval();
  if (interval) *interval /= 2;
  while (!stop_signal.wait(interval)) watchdog.check();

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
  return wants_repair ? repair(settings) : run(settings);
}
