// MessagePack-RPC over a Unix socket: the server side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "domain/result.h"
#include "transport/ipc/event_loop.h"
#include "transport/limits.h"
#include "transport/msgpack/value.h"

namespace outboxd::transport {

using ConnectionId = std::uint64_t;  // never used twice by one server

// Who is at the other end, as the kernel says (SO_PEERCRED).
struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
};

// Where a reply goes.
struct ReplyAddress {
  ConnectionId connection = 0;
  std::uint32_t msgid = 0;
};

// One request or notification. The views are valid during the call that passes it.
struct Request {
  ReplyAddress reply_to;
  // No reply is sent, whatever is given; `reply_to` names no connection then.
  bool is_notification = false;
  std::string_view method;
  Value params;  // an array
  const Peer* peer = nullptr;
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;

  // Every request must be answered once, now or later, by Server::reply or Server::reply_error.
  virtual void on_request(const Request& request) = 0;

  // The connection is gone; replies and notifications to it are dropped from now on. Not called for
  // those that are open when the Server is destroyed.
  virtual void on_disconnect(ConnectionId connection) = 0;
};

struct ServerLimits {
  std::size_t message_bytes = kMaxIpcMessageBytes;
  std::size_t requests_in_flight = kMaxIpcRequestsInFlight;
  std::size_t connections = kMaxIpcConnections;
  std::size_t unsent_bytes = kMaxIpcUnsentBytes;
};

// Accepts connections, checks framing and limits, and passes requests on. Reads and writes in
// batches: one system call each per ready connection and turn. A connection that breaks the framing
// gets an error response and is closed; one that does not read its replies, or has too many
// requests in flight, is not read from. All on the loop's thread.
class Server {
 public:
  Server(EventLoop& loop, RequestHandler& handler, ServerLimits limits = {});
  ~Server();

  // Listens on `path` with `mode`, replacing a socket that nobody listens on. Error: bad_request
  // with the path and why, when another process listens there or the path cannot be used. The
  // destructor removes the path.
  domain::Status listen(const std::string& path, mode_t mode);

  // Takes a listening socket over (systemd socket activation).
  void adopt(int listening_fd);

  // Sends `result`, which is one encoded value. Buffered until the turn ends. Unknown connections
  // are ignored.
  void reply(ReplyAddress to, std::string_view result);
  void reply_error(ReplyAddress to, const domain::Error& error);

  // Sends a notification; `params` is one encoded array. False when the connection is gone or has
  // more than `unsent_bytes` waiting: nothing was sent then.
  bool notify(ConnectionId connection, std::string_view method, std::string_view params);

  // While held, no request is passed on (what has arrived waits, and the sockets fill up). For
  // back-pressure.
  void hold();
  void release();

  // Accepts and reads nothing more. Replies can still be sent; `idle` then says that all have left.
  void drain();
  [[nodiscard]] bool idle() const;

  [[nodiscard]] std::size_t connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace outboxd::transport
