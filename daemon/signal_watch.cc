#include "daemon/signal_watch.h"

#include <csignal>
#include <utility>

#include <pthread.h>

#include "domain/check.h"

namespace outboxd::daemon {
namespace {

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

SignalWatch::SignalWatch() {
  const sigset_t signals = stop_signals();
  OUTBOXD_CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
  std::signal(SIGPIPE, SIG_IGN);  // a peer that went away is an error of its write, not our end
}

SignalWatch::~SignalWatch() {
  if (!thread_.joinable()) return;
  ending_ = true;
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void SignalWatch::start(std::function<void()> on_stop) {
  thread_ = std::thread([this, stop = std::move(on_stop)] {
    const sigset_t signals = stop_signals();
    while (true) {
      int signal = 0;
      if (sigwait(&signals, &signal) != 0) continue;
      if (ending_) return;
      stop();
    }
  });
}

}  // namespace outboxd::daemon
