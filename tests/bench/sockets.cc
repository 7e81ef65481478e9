#include "tests/bench/sockets.h"

#include <cerrno>
#include <cstring>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/errors.h"

namespace outboxd::bench {
namespace {

sockaddr_un unix_address(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = socket.string();
  if (text.size() >= sizeof(address.sun_path)) throw BenchError("socket path too long: " + text);
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  return address;
}

sockaddr_in loopback_address(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

UniqueFd open_socket(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) throw_errno("socket");
  return fd;
}

}  // namespace

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

UniqueFd connect_unix(const std::filesystem::path& socket) {
  const sockaddr_un address = unix_address(socket);
  UniqueFd fd = open_socket(AF_UNIX);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw_errno("cannot connect to " + socket.string());
  }
  return fd;
}

UniqueFd connect_tcp(std::uint16_t port) {
  const sockaddr_in address = loopback_address(port);
  UniqueFd fd = open_socket(AF_INET);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw_errno("cannot connect to port " + std::to_string(port));
  }
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

UniqueFd listen_unix(const std::filesystem::path& socket) {
  const sockaddr_un address = unix_address(socket);
  UniqueFd fd = open_socket(AF_UNIX);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0) {
    throw_errno("cannot listen on " + socket.string());
  }
  return fd;
}

std::uint16_t free_tcp_port() {
  sockaddr_in address = loopback_address(0);
  socklen_t size = sizeof(address);
  const UniqueFd fd = open_socket(AF_INET);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw_errno("cannot find a free port");
  }
  return ntohs(address.sin_port);
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw_errno("write to a server");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string read_until(int fd, std::string_view terminator) {
  std::string text;
  while (!text.ends_with(terminator)) {
    char byte = 0;
    const ssize_t got = ::read(fd, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw BenchError("the server closed the connection after: " + text);
    text.push_back(byte);
  }
  return text;
}

void wait_until_ready(ChildProcess& child, std::chrono::milliseconds patience,
                      const std::function<void()>& attempt) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    try {
      attempt();
      return;
    } catch (const BenchError& error) {
      child.check_running();
      if (std::chrono::steady_clock::now() > deadline) {
        throw BenchError(std::string(error.what()) + "\n" + child.log_tail());
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace outboxd::bench
