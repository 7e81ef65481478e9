#include "tests/bench/signal_watch.h"

#include <system_error>

#include <unistd.h>

#include "tests/bench/child_process.h"

namespace outboxd::bench {
namespace {

constexpr int kEndOfWatch = SIGUSR1;

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
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
    ::_exit(128 + received);
  });
}

SignalWatch::~SignalWatch() {
  if (!thread_.joinable()) return;
  ::pthread_kill(thread_.native_handle(), kEndOfWatch);
  thread_.join();
}

}  // namespace outboxd::bench
