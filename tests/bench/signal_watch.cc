#include "tests/bench/signal_watch.h"

#include <chrono>
#include <system_error>

#include <unistd.h>

#include "tests/bench/child_process.h"

namespace outboxd::bench {
namespace {

constexpr int kEndOfWatch = SIGUSR1;

// Processes that a killed server leaves behind (PostgreSQL's have sessions of their own) end by
// themselves, but may write until then.
void remove_stubbornly(const std::filesystem::path& directory) {
  constexpr int kAttempts = 40;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    if (attempt > 3 && !std::filesystem::exists(directory, ignored)) return;
  }
}

}  // namespace

SignalWatch::SignalWatch() {
  ::sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, kEndOfWatch}) ::sigaddset(&signals_, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

void SignalWatch::remove_on_signal(const std::filesystem::path& directory) {
  directory_ = directory;
  thread_ = std::thread([this] {
    int received = 0;
    ::sigwait(&signals_, &received);
    if (received == kEndOfWatch) return;
    kill_all_children();
    remove_stubbornly(directory_);
    ::_exit(128 + received);
  });
}

SignalWatch::~SignalWatch() {
  if (!thread_.joinable()) return;
  ::pthread_kill(thread_.native_handle(), kEndOfWatch);
  thread_.join();
}

}  // namespace outboxd::bench
