#include "tests/e2e/raw_connection.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace outboxd::e2e {
namespace {

// How long a socket stays full before its reader counts as one that does not read.
constexpr std::chrono::milliseconds kUnread{500};

bool is_ready(int fd, short events, std::chrono::milliseconds timeout) {
  pollfd waited{fd, events, 0};
  return ::poll(&waited, 1, static_cast<int>(timeout.count())) > 0;
}

}  // namespace

std::string encoded_request(std::uint32_t msgid, std::string_view method, const Json& arguments) {
  Json params = Json::array();
  if (!arguments.is_null()) params.push_back(arguments);
  std::string bytes;
  const auto encoded = client::encode(Json::array({0, msgid, method, std::move(params)}), bytes);
  if (!encoded) throw std::runtime_error(encoded.error().message);
  return bytes;
}

RawConnection::RawConnection(const std::string& socket)
    : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) throw std::runtime_error("path is too long");
  std::memcpy(address.sun_path, socket.data(), socket.size());
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot connect to " + socket + ": " + std::strerror(errno));
  }
}

void RawConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!is_ready(socket_.get(), POLLOUT, kPatience)) throw std::runtime_error("nobody reads");
    const ssize_t sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) continue;
    if (sent < 0) return;  // closed: what it says about that can still be read
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::size_t RawConnection::send_until_unread(std::string_view bytes) {
  std::size_t total = 0;
  while (total < bytes.size() && is_ready(socket_.get(), POLLOUT, kUnread)) {
    const ssize_t sent = ::send(socket_.get(), bytes.data() + total, bytes.size() - total,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) continue;
    if (sent < 0) throw std::runtime_error("the daemon closed the connection");
    total += static_cast<std::size_t>(sent);
  }
  return total;
}

std::optional<Json> RawConnection::receive() {
  std::array<char, 65536> buffer{};
  while (true) {
    auto message = reader_.next();
    if (!message) throw std::runtime_error("not MessagePack: " + message.error().message);
    if (message->has_value()) return std::move(**message);
    if (!is_ready(socket_.get(), POLLIN, kPatience)) throw std::runtime_error("nothing came");
    const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (size <= 0) return std::nullopt;  // also when what was sent last had not been read
    reader_.feed({buffer.data(), static_cast<std::size_t>(size)});
  }
}

Json RawConnection::receive_error() {
  const auto message = receive();
  if (!message) throw std::runtime_error("closed without a word");
  if (message->at(0) != 1 || message->at(2).is_null()) {
    throw std::runtime_error("not an error: " + message->dump());
  }
  return message->at(2);
}

void RawConnection::finish_sending() {
  ::shutdown(socket_.get(), SHUT_WR);
}

}  // namespace outboxd::e2e
