// Ends the servers when somebody ends the benchmark with Ctrl-C or SIGTERM.
#pragma once

#include <csignal>
#include <filesystem>
#include <thread>

namespace outboxd::bench {

// Constructed first in main(), before any other thread, so that all of them inherit the mask.
class SignalWatch {
 public:
  SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  ~SignalWatch();

  // What to remove on a signal besides ending the children.
  void remove_on_signal(const std::filesystem::path& directory);

 private:
  sigset_t signals_{};
  std::filesystem::path directory_;
  std::thread thread_;
};

}  // namespace outboxd::bench
