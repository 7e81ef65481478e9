// A server that a side of the benchmark starts, and ends again whatever happens.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace outboxd::bench {

struct ChildOptions {
  // argv[0] is an absolute path, as find_program() returns it.
  std::vector<std::string> argv;
  // Added to the environment of the benchmark.
  std::vector<std::pair<std::string, std::string>> environment;
  std::filesystem::path working_directory;
  // Gets stdout and stderr; its end is quoted when the child fails.
  std::filesystem::path log_file;
  // The user to run as when the benchmark runs as root (PostgreSQL refuses root). Empty: unchanged.
  std::string user_if_root;
};

struct MemoryUse {
  std::uint64_t resident_bytes = 0;  // now (VmRSS)
  std::uint64_t peak_bytes = 0;      // the highest resident set so far (VmHWM)
};

// Owns one child and its process group. The kernel kills the child if the benchmark itself dies, so
// that no way of ending it leaves a server behind.
class ChildProcess {
 public:
  // Throws BenchError if the program cannot be started.
  explicit ChildProcess(const ChildOptions& options);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }

  // Throws BenchError with the end of the log if the child has ended.
  void check_running();

  // SIGTERM, then SIGKILL after `patience`. Returns the exit status (128 + signal if killed).
  int stop(std::chrono::milliseconds patience = std::chrono::seconds(20));

  // SIGKILL: what a power cut is to the process. The data directory stays.
  void kill_hard();

  // Waits for the child to end by itself; throws BenchError unless it does with status 0.
  void wait_for_success();

  // All zero if the child is gone.
  MemoryUse memory() const;

  std::string log_tail() const;

 private:
  bool reap(bool block);

  pid_t pid_ = -1;
  bool running_ = false;
  int exit_status_ = 0;
  std::string name_;
  std::filesystem::path log_file_;
};

// Absolute path of `program` in $PATH or in `extra_directories`; throws NotInstalled, naming the
// Debian package to install.
std::string find_program(const std::string& program, const std::string& debian_package,
                         const std::vector<std::string>& extra_directories = {});

// Ends every child that is still running, and lets no other start. For the signal watcher only: it
// leaves the objects alone.
void kill_all_children();

}  // namespace outboxd::bench
