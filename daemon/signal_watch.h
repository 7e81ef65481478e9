// The request to stop as a call, beside a thread that is busy with other things.
#pragma once

#include <functional>
#include <thread>

#include "systemd/stop_signal.h"

namespace outboxd::daemon {

// Waits on a thread of its own for `signal` and calls `on_stop` once when it comes. After the
// destructor nothing is called any more.
class SignalWatch {
 public:
  SignalWatch(const systemd::StopSignal& signal, std::function<void()> on_stop);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  std::thread thread_;
};

}  // namespace outboxd::daemon
