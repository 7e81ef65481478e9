// One client's connection: its socket, its buffers, and what it waits for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <asio/local/stream_protocol.hpp>

#include "transport/ipc/input_buffer.h"
#include "transport/ipc/server.h"
#include "transport/msgpack/scanner.h"

namespace outboxd::transport {

// State only; Server decides what happens. Shared with the waits that are under way on the socket:
// those reach their handlers after close() too, maybe when there is no server any more, and then
// find `closed` set.
struct Connection {
  Connection(EventLoop& loop, int fd, ConnectionId connection_id, std::size_t max_message_bytes);

  enum class SendResult : std::uint8_t { kSentAll, kSocketFull, kFailed };

  // Sends what is waiting, with one system call.
  SendResult send();
  [[nodiscard]] std::size_t unsent_bytes() const { return output.size() - sent; }

  // Tells the waits that are under way.
  void close();

  const ConnectionId id;
  Peer peer;
  asio::local::stream_protocol::socket socket;

  InputBuffer input;
  Scanner scanner;  // of the message that `input` begins with

  std::string output;
  std::size_t sent = 0;  // of `output`

  std::size_t requests_in_flight = 0;

  bool closed = false;
  bool stalled = false;       // not read from until its own limits allow it again
  bool finished = false;      // nothing more is read; closed when all replies have left
  bool flush_queued = false;  // its output leaves at the end of the turn
  bool socket_full = false;   // its output leaves when the socket is writable again
  bool watching_hang_up = false;
};

}  // namespace outboxd::transport
