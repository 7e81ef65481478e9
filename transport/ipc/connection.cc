#include "transport/ipc/connection.h"

#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

#include "domain/check.h"

namespace outboxd::transport {
namespace {

constexpr std::size_t kKeptOutputBytes = 64 << 10;

Peer peer_of(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  OUTBOXD_CHECK(::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0);
  return {credentials.uid, credentials.gid, credentials.pid};
}

}  // namespace

Connection::Connection(int socket_fd, ConnectionId connection_id, std::size_t max_message_bytes)
    : id(connection_id), fd(socket_fd), peer(peer_of(socket_fd)), scanner(max_message_bytes) {}

Connection::~Connection() {
  ::close(fd);
}

Connection::Receipt Connection::receive() {
  const auto room = input.room();
  const ssize_t result = ::recv(fd, room.data(), room.size(), MSG_DONTWAIT);
  if (result > 0) {
    const auto size = static_cast<std::size_t>(result);
    input.added(size);
    // Less than there was room for: the socket is empty, and its next bytes are told anew. Only the
    // end of input may have been told already.
    if (size < room.size() && !peer_finished) readable = false;
    return Receipt::kBytes;
  }
  if (result < 0 && errno == EINTR) return Receipt::kNothing;
  readable = false;
  if (result == 0) return Receipt::kEnd;
  return errno == EAGAIN ? Receipt::kNothing : Receipt::kFailure;
}

Connection::Delivery Connection::send() {
  ssize_t result = 0;
  do {
    result = ::send(fd, output.data() + sent, unsent_bytes(), MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return errno == EAGAIN ? Delivery::kSocketFull : Delivery::kFailure;
  sent += static_cast<std::size_t>(result);
  if (unsent_bytes() > 0) {
    // A slow reader whose output never runs dry: what was sent must not pile up.
    if (sent > output.size() / 2) {
      output.erase(0, sent);
      sent = 0;
    }
    return Delivery::kSocketFull;
  }
  sent = 0;
  if (output.capacity() > kKeptOutputBytes) {
    output = std::string();
  } else {
    output.clear();
  }
  return Delivery::kAll;
}

}  // namespace outboxd::transport
