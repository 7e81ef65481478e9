#include "tests/bench/rabbitmq_server.h"

#include <chrono>
#include <string>

#include "tests/bench/rabbitmq_link.h"
#include "tests/bench/sockets.h"

namespace outboxd::bench {

namespace fs = std::filesystem;

RabbitmqServer::RabbitmqServer(const Settings& settings)
    : home_(settings.work_dir), port_(free_tcp_port()) {
  // The script behind Debian's wrapper, which would change the user.
  const std::string program =
      find_program("rabbitmq-server", "rabbitmq-server", {"/usr/lib/rabbitmq/bin"});
  const std::string epmd_program = find_program("epmd", "erlang-base");
  const fs::path directory = home_.make("d");
  const std::string epmd_port = std::to_string(free_tcp_port());
  port_mapper_ = std::make_unique<ChildProcess>(
      ChildOptions{.argv = {epmd_program, "-address", "127.0.0.1", "-port", epmd_port},
                   .environment = {},
                   .working_directory = directory,
                   .log_file = home_.path() / "epmd.log",
                   .user_if_root = ""});
  server_ = std::make_unique<ChildProcess>(
      ChildOptions{.argv = {program},
                   .environment = {{"HOME", directory},
                                   {"ERL_EPMD_PORT", epmd_port},
                                   {"ERL_EPMD_ADDRESS", "127.0.0.1"},
                                   {"RABBITMQ_NODENAME", "outboxd-bench@localhost"},
                                   {"RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1"},
                                   {"RABBITMQ_NODE_PORT", std::to_string(port_)},
                                   {"RABBITMQ_DIST_PORT", std::to_string(free_tcp_port())},
                                   {"RABBITMQ_CONF_ENV_FILE", directory / "none.conf"},
                                   {"RABBITMQ_CONFIG_FILE", directory / "none"},
                                   {"RABBITMQ_ENABLED_PLUGINS_FILE", directory / "plugins"},
                                   {"RABBITMQ_MNESIA_BASE", directory / "data"},
                                   {"RABBITMQ_LOG_BASE", directory / "log"},
                                   {"RABBITMQ_PID_FILE", directory / "pid"},
                                   // Makes the script become the server instead of waiting for it.
                                   {"RUNNING_UNDER_SYSTEMD", "true"}},
                   .working_directory = directory,
                   .log_file = home_.path() / "log",
                   .user_if_root = ""});
  wait_until_ready(*server_, std::chrono::seconds(60), [&] { const RabbitmqLink attempt(port_); });
}

RabbitmqServer::~RabbitmqServer() {
  if (server_) server_->kill_hard();
}

}  // namespace outboxd::bench
