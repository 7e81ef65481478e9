#include "daemon/signal_watch.h"

#include <csignal>
#include <utility>

#include <pthread.h>

namespace outboxd::daemon {

SignalWatch::SignalWatch(const systemd::StopSignal& signal, std::function<void()> on_stop)
    : thread_([&signal, stop = std::move(on_stop)] {
        if (signal.wait(std::nullopt)) stop();
      }) {}

SignalWatch::~SignalWatch() {
  // If no signal came, this one ends the wait: it is blocked, and the thread takes it from there. A
  // stop that it causes is one of something that is over anyway.
  // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread)
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

}  // namespace outboxd::daemon
