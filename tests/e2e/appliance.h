// A box with a daemon on it, a broker at the other end, and what tests ask them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "client/client.h"
#include "tests/e2e/process.h"

namespace outboxd::e2e {

using client::Client;
using client::Failure;
using client::FailureKind;
using client::Json;

// A directory of its own, removed at the end.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

// A port of 127.0.0.1 that nobody else is given as long as this lives. A server can still bind it:
// the holder does not listen, and both say SO_REUSEADDR.
class HeldPort {
 public:
  HeldPort();
  [[nodiscard]] std::string endpoint() const;  // tcp://127.0.0.1:PORT

 private:
  client::Descriptor socket_;
  std::uint16_t port_ = 0;
};

// One of the two programs, over a data directory that outlives its processes. Shows the log of a
// failed test. Not thread-safe, but for socket() and what it returns to others.
class Server {
 public:
  // `arguments` follow those of every start.
  Server(std::string program, std::filesystem::path directory, std::vector<std::string> arguments);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // What its configuration says from its next start on; at first nothing.
  void configure(std::string_view toml) const;

  // Starts it and waits until it says that it is ready. Throws with its log when it does not get
  // there.
  void start() { start(ProcessOptions{}); }
  // `extra` gives everything but argv; its argv follows the usual arguments.
  void start(ProcessOptions extra);

  // Starts it, and waits for its end: for starts that must fail, and for --repair.
  ProcessOutcome run(std::vector<std::string> extra_arguments = {});

  ExitStatus stop();  // SIGTERM
  void kill();        // SIGKILL

  [[nodiscard]] bool is_running() const { return process_ && process_->is_running(); }
  [[nodiscard]] Process& process() { return *process_; }
  [[nodiscard]] std::string socket() const { return directory_ / "s"; }
  [[nodiscard]] std::filesystem::path data() const { return directory_ / "data"; }

  [[nodiscard]] Client connect() const;
  // One call on a connection of its own. Throws when it is refused or gets no answer.
  Json ask(std::string_view method, Json arguments = nullptr) const;

 private:
  [[nodiscard]] std::filesystem::path config_file() const { return directory_ / "config.toml"; }
  [[nodiscard]] std::vector<std::string> command(const std::vector<std::string>& extra) const;

  const std::string program_;
  const std::filesystem::path directory_;
  const std::vector<std::string> arguments_;
  std::unique_ptr<Process> process_;
  std::string earlier_logs_;
};

// The result of a call that must succeed; throws what was said otherwise.
Json ok(client::Result<Json> result);

// The failure of a call that must fail; throws the result otherwise.
Failure failed(client::Result<Json> result);

// An order of two lines that everything is right with.
Json order(std::string_view id);

// A transaction that puts `key` and tells of it on topic "stock".
Json transaction(std::string_view id, std::string_view key, const Json& value);

// Everything that the broker has of a topic, in the order of its offsets.
std::vector<Json> events_at(const Server& broker, std::string_view topic);

// Waits until the broker has event `seq`.
void wait_until_delivered(const Server& daemon, std::uint64_t seq);

// A daemon and a broker, neither started. What runs at the end of a test is stopped in an orderly
// way, and has to succeed in that.
class ApplianceTest : public ::testing::Test {
 protected:
  void TearDown() override;

  TempDir directory_;
  HeldPort port_;
  Server broker_{"outbox-broker", directory_ / "broker", {"--listen", port_.endpoint()}};
  Server daemon_{
      "outboxd", directory_ / "daemon", {"--producer", "till-1", "--broker", port_.endpoint()}};
  // A daemon that nobody gave a broker; over the data of daemon_.
  Server lonely_{"outboxd", directory_ / "daemon", {"--producer", "till-1"}};
};

}  // namespace outboxd::e2e
