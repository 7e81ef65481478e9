#include "transport/ipc/connection.h"

#include <cerrno>

#include <sys/socket.h>

#include "domain/check.h"
#include "transport/ipc/native.h"

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

Connection::Connection(EventLoop& loop, int fd, ConnectionId connection_id,
                       std::size_t max_message_bytes)
    : id(connection_id),
      peer(peer_of(fd)),
      socket(loop.native().io, asio::local::stream_protocol(), fd),
      scanner(max_message_bytes) {
  socket.native_non_blocking(true);
}

Connection::SendResult Connection::send() {
  ssize_t result = 0;
  do {
    result = ::send(socket.native_handle(), output.data() + sent, unsent_bytes(),
                    MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return errno == EAGAIN ? SendResult::kSocketFull : SendResult::kFailed;
  sent += static_cast<std::size_t>(result);
  if (unsent_bytes() > 0) {
    // A slow reader whose output never runs dry: what was sent must not pile up.
    if (sent > output.size() / 2) {
      output.erase(0, sent);
      sent = 0;
    }
    return SendResult::kSocketFull;
  }
  sent = 0;
  if (output.capacity() > kKeptOutputBytes) {
    output = std::string();
  } else {
    output.clear();
  }
  return SendResult::kSentAll;
}

void Connection::close() {
  closed = true;
  asio::error_code ignored;
  socket.close(ignored);
}

}  // namespace outboxd::transport
