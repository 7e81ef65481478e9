// The program itself, as a shell starts it.
#include <array>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/ctl/exit_status.h"
#include "tests/support/paths.h"
#include "tests/unit/client/fake_daemon.h"

namespace outboxd::ctl {
namespace {

using client::testing::FakeDaemon;
using client::testing::IncomingRequest;

struct ProcessEnd {
  int status = 0;
  std::string out;
};

// Runs bin/outboxctl with nothing but `environment`.
ProcessEnd start(std::vector<std::string> arguments, std::vector<std::string> environment) {
  const std::string program = support::program_dir() + "/outboxctl";
  arguments.insert(arguments.begin(), program);
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
  };
  std::array<int, 2> pipe{};
  OUTBOXD_CHECK(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
  pid_t pid = 0;
  const int spawned = posix_spawn(&pid, program.c_str(), &actions, nullptr,
                                  pointers(arguments).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  OUTBOXD_CHECK(spawned == 0);
  ::close(pipe[1]);
  ProcessEnd ended;
  std::array<char, 4096> bytes{};
  for (ssize_t count = 0; (count = ::read(pipe[0], bytes.data(), bytes.size())) > 0;) {
    ended.out.append(bytes.data(), static_cast<std::size_t>(count));
  }
  ::close(pipe[0]);
  int status = 0;
  OUTBOXD_CHECK(::waitpid(pid, &status, 0) == pid && WIFEXITED(status));
  ended.status = WEXITSTATUS(status);
  return ended;
}

TEST(Outboxctl, TakesItsSocketFromTheEnvironmentAndPrintsToStandardOutput) {
  client::testing::TempDir dir;
  FakeDaemon daemon(dir.path("s"), [](const IncomingRequest& request) {
    return client::testing::reply(request, {{"version", "0.1.0"}});
  });
  const ProcessEnd ended = start({"status", "--json"}, {"OUTBOXD_SOCKET=" + dir.path("s")});
  EXPECT_EQ(ended.status, kDone);
  EXPECT_EQ(ended.out, "{\"version\":\"0.1.0\"}\n");
}

TEST(Outboxctl, EndsWithTheStatusThatItsCommandMeans) {
  client::testing::TempDir dir;
  FakeDaemon daemon(dir.path("s"), [](const IncomingRequest& request) {
    return request.method == "order.get"
               ? client::testing::refusal(request, "not_found", "none", "never")
               : client::testing::hang_up();
  });
  const std::vector<std::string> environment = {"OUTBOXD_SOCKET=" + dir.path("s"),
                                                "OUTBOX_BROKER_SOCKET=" + dir.path("none")};
  EXPECT_EQ(start({"order", "get", "x"}, environment).status, kRefused);
  EXPECT_EQ(start({"order", "git", "x"}, environment).status, kUsage);
  EXPECT_EQ(start({"broker", "status"}, environment).status, kUnreachable);
  EXPECT_EQ(start({"order", "cancel", "x"}, environment).status, kOutcomeUnknown);
}

}  // namespace
}  // namespace outboxd::ctl
