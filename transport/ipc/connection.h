// One client's connection: its socket, its buffers, and what it waits for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "transport/ipc/input_buffer.h"
#include "transport/ipc/server.h"
#include "transport/msgpack/scanner.h"

namespace outboxd::transport {

// State, and the system calls on the socket; Server decides what happens. Owns the descriptor.
struct Connection {
  Connection(int socket_fd, ConnectionId connection_id, std::size_t max_message_bytes);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  enum class Receipt : std::uint8_t { kBytes, kNothing, kEnd, kFailure };

  // Reads once into `input`. `readable` is false afterwards when there was no more.
  Receipt receive();

  enum class Delivery : std::uint8_t { kAll, kSocketFull, kFailure };

  // Writes once from `output`.
  Delivery send();
  [[nodiscard]] std::size_t unsent_bytes() const { return output.size() - sent; }

  const ConnectionId id;
  const int fd;
  const Peer peer;

  // What the kernel said.
  bool readable = false;
  bool peer_finished = false;  // the end of input is near: readable until it has been read
  bool hung_up = false;

  InputBuffer input;
  Scanner scanner;  // of the message that `input` begins with

  std::string output;
  std::size_t sent = 0;  // of `output`
  bool flush_queued = false;
  bool socket_full = false;  // the output leaves when the socket is writable again

  std::size_t requests_in_flight = 0;
  bool stalled = false;    // nothing is taken from it until its own limits allow it again
  bool continues = false;  // is in the queue of those to go on with in the next turn
  bool taking_ended =
      false;  // nothing is taken from it any more; closed when all replies have left
};

}  // namespace outboxd::transport
