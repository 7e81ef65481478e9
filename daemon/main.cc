// outboxd: the transactional outbox daemon.

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <sys/resource.h>

#include "daemon/composition.h"
#include "daemon/config.h"
#include "systemd/log.h"

namespace {

using outboxd::daemon::Config;
using outboxd::daemon::ConfigOverrides;
using outboxd::systemd::LogLevel;

LogLevel level_called(const std::string& name) {
  for (const LogLevel level : {LogLevel::kError, LogLevel::kWarning, LogLevel::kNotice,
                               LogLevel::kInfo, LogLevel::kDebug}) {
    if (name_of(level) == name) return level;
  }
  return LogLevel::kInfo;
}

// 1,024 connections and our files are more descriptors than a shell gives, but not more than it
// may.
void raise_descriptor_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);  // if not, there is room for fewer connections
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Commits business changes and their events together, and forwards the events.");
  std::string config_file;
  ConfigOverrides overrides;
  bool check_only = false;
  bool repair = false;
  app.add_option("--config", config_file, "Configuration file, instead of /etc/outboxd");
  app.add_option("--data-dir", overrides.data_dir, "Where the data are kept");
  app.add_option("--socket", overrides.socket, "Unix socket for local clients");
  app.add_option("--broker", overrides.broker_endpoint, "tcp://HOST:PORT of the broker");
  app.add_option("--producer", overrides.producer, "This box's name at the broker");
  app.add_option("--modules", overrides.modules, "Modules to run")->delimiter(',');
  app.add_flag("--check-config", check_only, "Say what is wrong with the configuration, and stop");
  app.add_flag("--repair", repair, "Open damaged data, tell what was lost, and stop");
  app.set_version_flag("--version", std::string("outboxd ") + OUTBOXD_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : 2;
  }

  Config config;
  const auto problems = load_config(config_file, overrides, config);
  if (!problems.empty()) {
    std::fprintf(stderr, "%s\n", outboxd::config::describe(problems).c_str());
    return 2;
  }
  if (check_only) {
    std::puts("the configuration is good");
    return EXIT_SUCCESS;
  }
  outboxd::systemd::set_log_level(level_called(config.log_level));
  raise_descriptor_limit();
  return repair ? outboxd::daemon::repair_store(config) : outboxd::daemon::run_daemon(config);
}
