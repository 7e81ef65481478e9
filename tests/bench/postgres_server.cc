#include "tests/bench/postgres_server.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include "tests/bench/postgres_client.h"
#include "tests/bench/sockets.h"

namespace outboxd::bench {
namespace {

namespace fs = std::filesystem;

// Everything that makes it faster and keeps a committed transaction on the disk.
constexpr const char* kOptions[] = {
    "listen_addresses=",
    "fsync=on",
    "synchronous_commit=on",
    "shared_buffers=512MB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=8GB",
    "checkpoint_timeout=1h",
    "max_connections=100",
    "autovacuum=off",
    "jit=off",
};

// Debian keeps the server programs of each version in a directory of their own.
std::vector<std::string> server_directories() {
  std::vector<std::string> directories;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    directories.push_back((entry.path() / "bin").string());
  }
  std::sort(directories.rbegin(), directories.rend());
  return directories;
}

ChildOptions child_options(const TempDir& home, std::vector<std::string> argv) {
  return {.argv = std::move(argv),
          .environment = {{"LC_ALL", "C"}},
          .working_directory = home.make("run"),
          .log_file = home.path() / "log",
          .user_if_root = kPostgresUser};
}

}  // namespace

PostgresServer::PostgresServer(const Settings& settings, const std::string& schema)
    : home_(settings.work_dir), directory_(home_.make("run")) {
  const auto directories = server_directories();
  const std::string initdb = find_program("initdb", "postgresql", directories);
  const std::string postgres = find_program("postgres", "postgresql", directories);
  const std::string data = (directory_ / "data").string();
  ChildProcess(child_options(home_, {initdb, "-D", data, "-U", kPostgresUser, "-A", "trust", "-E",
                                     "UTF8", "--no-locale", "--no-sync"}))
      .wait_for_success();
  std::vector<std::string> argv{postgres, "-D", data, "-k", directory_.string()};
  for (const char* option : kOptions) argv.insert(argv.end(), {"-c", option});
  server_ = std::make_unique<ChildProcess>(child_options(home_, std::move(argv)));
  std::unique_ptr<PostgresClient> client;
  wait_until_ready(*server_, std::chrono::seconds(20),
                   [&] { client = std::make_unique<PostgresClient>(directory_); });
  client->execute(schema);
}

}  // namespace outboxd::bench
