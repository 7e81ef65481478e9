// The few socket calls that every side needs.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "tests/bench/child_process.h"

namespace outboxd::bench {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd();

  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// Blocking connections; they throw BenchError when nobody answers.
UniqueFd connect_unix(const std::filesystem::path& socket);
UniqueFd connect_tcp(std::uint16_t port);

UniqueFd listen_unix(const std::filesystem::path& socket);

// A port of 127.0.0.1 that nobody listens on right now.
std::uint16_t free_tcp_port();

void write_all(int fd, std::string_view bytes);

// Reads until the text so far ends with `terminator`; for the few handshakes in plain text.
std::string read_until(int fd, std::string_view terminator);

// Calls `attempt` until it returns without BenchError, as long as `child` runs and `patience`
// lasts.
void wait_until_ready(ChildProcess& child, std::chrono::milliseconds patience,
                      const std::function<void()>& attempt);

}  // namespace outboxd::bench
