#include "tests/unit/daemon/payments/loopback_server.h"

#include <array>
#include <cstdlib>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "domain/check.h"

namespace outboxd::support {
namespace {

constexpr std::string_view kEndOfHead = "\r\n\r\n";

sockaddr* generic(sockaddr_in& address) {
  return reinterpret_cast<sockaddr*>(&address);
}

std::size_t body_bytes(const HttpRequest& request) {
  const auto length = request.header("Content-Length");
  return length ? std::strtoul(length->c_str(), nullptr, 10) : 0;
}

}  // namespace

std::optional<std::string> HttpRequest::header(const std::string& name) const {
  const std::string start = "\r\n" + name + ": ";
  const std::size_t at = head.find(start);
  if (at == std::string::npos) return std::nullopt;
  const std::size_t value = at + start.size();
  return head.substr(value, head.find("\r\n", value) - value);
}

LoopbackServer::LoopbackServer(Answer answer) : answer_(std::move(answer)) {
  OUTBOXD_CHECK(::pipe(stop_pipe_) == 0);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  OUTBOXD_CHECK(::bind(listener_, generic(address), size) == 0 && ::listen(listener_, 16) == 0 &&
                ::getsockname(listener_, generic(address), &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

LoopbackServer::~LoopbackServer() {
  ::close(stop_pipe_[1]);
  thread_.join();
  ::close(stop_pipe_[0]);
  ::close(listener_);
}

std::string LoopbackServer::url() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

std::vector<HttpRequest> LoopbackServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

bool LoopbackServer::wait_readable(int fd) const {
  std::array<pollfd, 2> watched{{{fd, POLLIN, 0}, {stop_pipe_[0], POLLIN, 0}}};
  return ::poll(watched.data(), watched.size(), -1) > 0 && watched[1].revents == 0;
}

void LoopbackServer::run() {
  while (wait_readable(listener_)) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    ++connections_;
    serve(connection);
    ::close(connection);
  }
}

void LoopbackServer::serve(int connection) {
  std::string received;
  std::array<char, 4096> chunk{};
  while (wait_readable(connection)) {
    const ssize_t got = ::recv(connection, chunk.data(), chunk.size(), 0);
    if (got <= 0) return;
    received.append(chunk.data(), static_cast<std::size_t>(got));
    const std::size_t end = received.find(kEndOfHead);
    if (end == std::string::npos) continue;
    HttpRequest request{received.substr(0, end + 2), received.substr(end + kEndOfHead.size())};
    if (request.body.size() < body_bytes(request)) continue;
    received.clear();
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const auto answer = answer_(request);
    if (!answer) continue;
    ::send(connection, answer->data(), answer->size(), MSG_NOSIGNAL);
    if (answer->find("Content-Length: ") == std::string::npos) return;
  }
}

std::string http_answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " Said\r\nContent-Type: application/json\r\n" +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace outboxd::support
