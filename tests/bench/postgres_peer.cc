#include "tests/bench/postgres_peer.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include <libpq-fe.h>
#include <poll.h>

#include "tests/bench/child_process.h"
#include "tests/bench/errors.h"
#include "tests/bench/sample_order.h"
#include "tests/bench/temp_dir.h"

namespace outboxd::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr const char* kServerUser = "postgres";
constexpr const char* kSchema =
    "CREATE TABLE orders (order_id text PRIMARY KEY, state text NOT NULL);"
    "CREATE TABLE outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event text NOT "
    "NULL)";
// One statement is one transaction and one round trip: the fastest way to write both rows.
constexpr const char* kTransaction =
    "WITH placed AS (INSERT INTO orders VALUES ($1, $2)) INSERT INTO outbox (event) VALUES ($3)";

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

class Client {
 public:
  explicit Client(const fs::path& socket_directory)
      : connection_(::PQconnectdb(
            ("host=" + socket_directory.string() + " dbname=postgres user=" + kServerUser)
                .c_str())) {
    if (::PQstatus(connection_.get()) != CONNECTION_OK) throw BenchError(error());
  }

  int socket() const { return ::PQsocket(connection_.get()); }

  void execute(const char* sql) { check(::PQexec(connection_.get(), sql)); }

  void prepare() { check(::PQprepare(connection_.get(), "tx", kTransaction, 3, nullptr)); }

  void send(std::uint64_t number) {
    const std::array<const char*, 3> values{id_.with(number).c_str(), state_.with(number).c_str(),
                                            event_.with(number).c_str()};
    if (::PQsendQueryPrepared(connection_.get(), "tx", 3, values.data(), nullptr, nullptr, 0) !=
            1 ||
        ::PQflush(connection_.get()) != 0) {
      throw BenchError(error());
    }
  }

  // True when the transaction that was sent is committed.
  bool receive() {
    if (::PQconsumeInput(connection_.get()) != 1) throw BenchError(error());
    while (::PQisBusy(connection_.get()) == 0) {
      PGresult* result = ::PQgetResult(connection_.get());
      if (result == nullptr) return true;
      check(result);
    }
    return false;
  }

 private:
  struct Finish {
    void operator()(PGconn* connection) const { ::PQfinish(connection); }
  };

  std::string error() const {
    return std::string("postgresql: ") + ::PQerrorMessage(connection_.get());
  }

  void check(PGresult* result) {
    const bool done = ::PQresultStatus(result) == PGRES_COMMAND_OK;
    ::PQclear(result);
    if (!done) throw BenchError(error());
  }

  std::unique_ptr<PGconn, Finish> connection_;
  NumberedText id_{"o-" + std::string(kOrderNumber)};
  NumberedText state_{sample_state()};
  NumberedText event_{sample_event()};
};

LoadResult drive(std::vector<Client>& clients, Seconds warm_up, Seconds window) {
  std::uint64_t next_number = 1;
  std::vector<pollfd> polled;
  for (Client& client : clients) {
    polled.push_back({.fd = client.socket(), .events = POLLIN, .revents = 0});
    client.send(next_number++);
  }
  std::uint64_t completed = 0;
  const auto run_until = [&](Clock::time_point end) {
    const std::uint64_t before = completed;
    while (Clock::now() < end) {
      if (::poll(polled.data(), polled.size(), 1000) < 0) throw_errno("poll");
      for (std::size_t i = 0; i < clients.size(); ++i) {
        if (polled[i].revents == 0 || !clients[i].receive()) continue;
        ++completed;
        clients[i].send(next_number++);
      }
    }
    return completed - before;
  };
  const auto after = [](Seconds seconds) {
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(seconds);
  };
  run_until(after(warm_up));
  const auto begin = Clock::now();
  const std::uint64_t in_window = run_until(after(window));
  return {in_window, Seconds(Clock::now() - begin).count()};
}

ChildOptions child_options(const TempDir& home, std::vector<std::string> argv) {
  return {.argv = std::move(argv),
          .environment = {{"LC_ALL", "C"}},
          .working_directory = home.make("run"),
          .log_file = home.path() / "log",
          .user_if_root = kServerUser};
}

}  // namespace

LoadResult measure_postgres(const Settings& settings, std::uint32_t clients) {
  const auto directories = server_directories();
  const std::string initdb = find_program("initdb", "postgresql", directories);
  const std::string postgres = find_program("postgres", "postgresql", directories);
  const TempDir home(settings.work_dir);
  const fs::path run = home.make("run");
  const std::string data = (run / "data").string();
  ChildProcess(child_options(home, {initdb, "-D", data, "-U", kServerUser, "-A", "trust", "-E",
                                    "UTF8", "--no-locale", "--no-sync"}))
      .wait_for_success();
  // Everything that makes it faster and keeps a committed transaction on the disk.
  ChildProcess server(child_options(home, {postgres,
                                           "-D",
                                           data,
                                           "-k",
                                           run.string(),
                                           "-c",
                                           "listen_addresses=",
                                           "-c",
                                           "fsync=on",
                                           "-c",
                                           "synchronous_commit=on",
                                           "-c",
                                           "shared_buffers=512MB",
                                           "-c",
                                           "wal_level=minimal",
                                           "-c",
                                           "max_wal_senders=0",
                                           "-c",
                                           "max_wal_size=8GB",
                                           "-c",
                                           "checkpoint_timeout=1h",
                                           "-c",
                                           "autovacuum=off",
                                           "-c",
                                           "jit=off",
                                           "-c",
                                           "max_connections=100"}));
  wait_until_ready(server, std::chrono::seconds(20), [&] { Client(run).execute(kSchema); });
  std::vector<Client> connected;
  for (std::uint32_t i = 0; i < clients; ++i) connected.emplace_back(run).prepare();
  const LoadResult result = drive(connected, settings.warm_up, settings.window);
  connected.clear();
  server.stop();
  return result;
}

}  // namespace outboxd::bench
