// outboxctl verify | compact | check-config
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include <unistd.h>

#include "client/ctl/command_line.h"
#include "client/ctl/overview.h"

namespace outboxd::ctl {
namespace {

void add_call(CommandLine line, const char* name, const char* what, const char* method) {
  line.app.add_subcommand(name, what)->callback([line, method] {
    line.chosen = [method](Session& session) {
      session.set_default_timeout(Session::kLongTimeout);
      return session.show(method, nullptr, print_overview);
    };
  });
}

// Becomes `program`, or returns because it is not there.
void become(const std::string& program, const std::string& config) {
  std::string name = "outboxd";
  std::string check = "--check-config";
  std::string option = "--config";
  std::string file = config;
  char* const with_file[] = {name.data(), check.data(), option.data(), file.data(), nullptr};
  char* const without_file[] = {name.data(), check.data(), nullptr};
  ::execvp(program.c_str(), config.empty() ? without_file : with_file);
}

// The daemon's own check, so that both say the same: outboxd beside this program, or where the
// system keeps daemons, or on the path.
ExitStatus check_config(Session& session, const std::string& config) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto folder = error ? std::filesystem::path() : self.parent_path();
  if (!folder.empty()) {
    become(folder / "outboxd", config);
    become(folder.parent_path() / "sbin" / "outboxd", config);
  }
  become("outboxd", config);
  return session.fail_usage(std::string("cannot run outboxd --check-config: ") +
                            std::strerror(errno));
}

}  // namespace

void add_maintenance_commands(CommandLine line) {
  add_call(line, "verify", "Check every record that the daemon keeps", "daemon.verify");
  add_call(line, "compact", "Free the space of what is completed, now", "daemon.compact");

  auto config = std::make_shared<std::string>();
  CLI::App& check =
      *line.app.add_subcommand("check-config", "Say what outboxd would say to its configuration");
  check.add_option("FILE", *config, "Instead of /etc/outboxd/outboxd.toml and what adds to it");
  check.callback([line, config] {
    line.chosen = [config](Session& session) { return check_config(session, *config); };
  });
}

}  // namespace outboxd::ctl
