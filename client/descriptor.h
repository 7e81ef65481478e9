// A file descriptor with an owner.
#pragma once

#include <utility>

#include <unistd.h>

namespace outboxd::client {

// Closes its descriptor when it is destroyed or given another. -1 stands for none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(std::exchange(other.fd_, -1));
    return *this;
  }

  void reset(int fd = -1) {
    const int before = std::exchange(fd_, fd);
    if (before >= 0) ::close(before);
  }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace outboxd::client
