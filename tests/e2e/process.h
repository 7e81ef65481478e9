// A program that a test runs, and ends again whatever happens.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "client/descriptor.h"

namespace outboxd::e2e {

// How long something may take that takes moments: long enough for sanitizers on a busy machine. It
// only passes when a test fails.
inline constexpr std::chrono::seconds kPatience{60};

struct ProcessOptions {
  std::vector<std::string> argv;  // argv[0] is a path, or looked up in $PATH
  std::vector<std::pair<std::string, std::string>> environment = {};  // added to the test's own
  std::string directory = {};  // to run in; empty: the test's own
  std::string input = {};      // what it finds on standard input
  // A listening socket, passed as a service manager passes it (sd_listen_fds(3)).
  std::optional<int> listening_fd = std::nullopt;
  std::optional<std::uint64_t> max_open_files = std::nullopt;  // RLIMIT_NOFILE
};

// How a process ended, as a shell says it: 128 + signal when it was killed.
using ExitStatus = int;

// One child process. Its output is read by a thread of its own, so that it never blocks on a pipe;
// waiting is for that output, never for time.
//
// The kernel ends the child when the thread that made it ends, so make it on a thread that outlives
// it. The destructor kills what still runs. Failures of the machinery throw std::runtime_error.
class Process {
 public:
  explicit Process(ProcessOptions options);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // True once stdout and stderr together have had `text`; false when the process ended without it.
  bool wait_for_output(std::string_view text);

  // The line of the output that has `text`, or nothing.
  std::optional<std::string> line_with(std::string_view text);

  void signal(int number) const;

  // Waits for its end.
  ExitStatus wait();

  // SIGKILL, as a power cut, and waits.
  void kill();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool is_running() const { return !status_; }

  std::string out();  // stdout so far
  std::string err();  // stderr so far

  // The most memory that it had at a time, so far (VmHWM).
  [[nodiscard]] std::uint64_t peak_rss_bytes() const;

 private:
  void read_output(client::Descriptor out, client::Descriptor err);
  // Both streams, whichever has `text`; null: none has.
  const std::string* stream_with(std::string_view text) const;

  pid_t pid_ = -1;
  std::optional<ExitStatus> status_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_.
  std::string out_;
  std::string err_;
  bool ended_ = false;  // nothing more will be read

  std::thread reader_;
};

// Runs a program to its end.
struct ProcessOutcome {
  ExitStatus status = 0;
  std::string out;
  std::string err;
};
ProcessOutcome run(ProcessOptions options);

// The path of one of the project's programs, as they were built with the tests.
std::string program(std::string_view name);

}  // namespace outboxd::e2e
