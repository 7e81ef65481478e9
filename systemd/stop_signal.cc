#include "systemd/stop_signal.h"

#include <cerrno>

#include <pthread.h>

#include "domain/check.h"

namespace outboxd::systemd {

StopSignal::StopSignal() {
  sigemptyset(&signals_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals_, signal);
  OUTBOXD_CHECK(pthread_sigmask(SIG_BLOCK, &signals_, nullptr) == 0);
  std::signal(SIGPIPE, SIG_IGN);  // a peer that went away is an error of its write, not our end
}

bool StopSignal::wait(std::optional<std::chrono::milliseconds> timeout) const {
  int signal = -1;
  do {
    if (timeout) {
      const auto count = timeout->count();
      const timespec time{.tv_sec = count / 1000, .tv_nsec = (count % 1000) * 1'000'000};
      signal = sigtimedwait(&signals_, nullptr, &time);
    } else {
      signal = sigwaitinfo(&signals_, nullptr);
    }
  } while (signal < 0 && errno == EINTR);
  return signal > 0;
}

}  // namespace outboxd::systemd
