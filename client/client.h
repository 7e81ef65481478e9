// The C++ client of outboxd and outbox-broker: MessagePack-RPC over their Unix sockets.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>

#include "client/descriptor.h"
#include "client/failure.h"
#include "client/wire.h"

namespace outboxd::client {

using MsgId = std::uint32_t;

struct Options {
  std::string socket = "/run/outboxd/outboxd.sock";
  // How long to wait for the connection, and for each reply.
  std::chrono::milliseconds timeout{10'000};
  // How many requests may be unanswered at a time. The daemon stops reading past 1,024.
  std::size_t max_in_flight = 256;
};

struct Reply {
  MsgId msgid = 0;
  Result<Json> outcome;  // what the daemon returned, or its refusal
};

struct Notification {
  std::string method;
  Json params;
};

// One connection. Either `call` for one request at a time, or `send` and `receive` to keep many in
// flight; the two may be mixed. Replies arrive in any order, told apart by their msgid.
//
// Failure outcomes: a refusal concerns its request alone. After any other failure (a timeout, a
// lost connection, bytes that are no reply) the connection is closed for good, every request in
// flight has an unknown outcome, and all calls fail with kUnreachable: connect again, and send what
// was in flight again with the same ids, which does nothing twice (G4).
//
// Thread contract: one thread at a time; nothing runs between calls. A Client may be moved; its
// destructor closes the connection without waiting for replies.
class Client {
 public:
  // Error: kUnreachable, with the path and why.
  static Result<Client> connect(Options options);

  // Sends a request and waits for its reply; other replies that arrive meanwhile are kept for
  // `receive`. `arguments` is a map of named arguments, or null for none.
  Result<Json> call(std::string_view method, Json arguments = nullptr);

  // Takes a request for sending. It leaves at the latest when `receive`, `call` or `flush` waits.
  // Sending with `can_send()` false is a bug. Errors: as `encode` (nothing is taken then, and the
  // connection lives on); kUnreachable when the connection is closed.
  Result<MsgId> send(std::string_view method, Json arguments = nullptr);
  [[nodiscard]] bool can_send() const { return in_flight() < options_.max_in_flight; }

  // Waits until everything taken has been handed to the kernel.
  Status flush();

  // The next reply in order of arrival. Nothing in flight is a bug.
  Result<Reply> receive();

  // Requests sent or taken for sending, and neither answered nor received.
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size() + replies_.size(); }

  // The next notification; without one within the timeout, a `timeout` that leaves the connection
  // usable.
  Result<Notification> next_notification(std::chrono::milliseconds timeout);

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  Client(Options options, Descriptor fd) : options_(std::move(options)), fd_(std::move(fd)) {}
  [[nodiscard]] Deadline deadline() const;
  // One turn: waits for the socket, writes what it takes and reads what is there. Returns false at
  // the deadline.
  Result<bool> turn(Deadline until);
  Status write_some();
  Status read_some();
  Status take_messages();
  Status take_response(Json& message);
  Status take_notification(Json& message);
  // Closes the connection: what is in flight has an unknown outcome.
  Failure lost(std::string code, std::string message);

  Options options_;
  Descriptor fd_;  // none: closed for good
  MsgId next_msgid_ = 1;
  std::string unsent_;
  std::uint64_t bytes_taken_ = 0;   // by send(), since the connection was made
  std::uint64_t bytes_handed_ = 0;  // of these, to the kernel
  MessageReader reader_;
  std::unordered_set<MsgId> in_flight_;
  std::deque<Reply> replies_;  // arrived, not yet received
  std::deque<Notification> notifications_;
};

}  // namespace outboxd::client
