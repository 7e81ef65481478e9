#include "transport/ipc/server.h"

#include <utility>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "domain/check.h"
#include "transport/ipc/connection.h"
#include "transport/ipc/framing.h"
#include "transport/ipc/listener.h"
#include "transport/ipc/native.h"

namespace outboxd::transport {
namespace {

// A ConnectionId is a serial number and, in its low bits, the slot of the connection table.
constexpr unsigned kSlotBits = 16;
constexpr ConnectionId kSlotMask = (ConnectionId{1} << kSlotBits) - 1;

domain::Error error_of(ScanResult result, const ServerLimits& limits) {
  switch (result) {
    case ScanResult::kTooLarge:
      return {domain::ErrorCode::kTooLarge,
              "a message may have " + std::to_string(limits.message_bytes) + " bytes",
              {}};
    case ScanResult::kTooDeep:
      return {domain::ErrorCode::kTooLarge,
              "arrays and maps may be nested " + std::to_string(kMaxDepth) + " deep",
              {}};
    default: return domain::bad_request({}, "the bytes are not MessagePack");
  }
}

}  // namespace

// What happens to a connection:
//
//   read ─▶ take messages ─▶ read …          until take_messages() finds a reason to stop:
//   stalled      its own limits (in flight, unsent): resumed when a reply or a write makes room
//   held back    hold(): resumed by release()
//   finished     end of input or broken framing: closed when every reply has left
//
// Resuming is posted, never done in place: it calls the handler, and the handler is often what made
// the room. For the same reason connections are closed only where the loop calls in.
class Server::Impl final : public AcceptHandler {
 public:
  Impl(EventLoop& loop, RequestHandler& handler, ServerLimits limits)
      : loop_(loop), handler_(handler), limits_(limits) {
    OUTBOXD_CHECK(limits.connections <= kSlotMask + 1);
    loop.at_turn_end([self = self_] {
      if (*self != nullptr) (*self)->flush();
    });
  }

  ~Impl() override {
    *self_ = nullptr;
    for (const auto& listener : listeners_) listener->close();
    for (const auto& connection : slots_) {
      if (connection) connection->close();
    }
  }

  domain::Status listen(const std::string& path, mode_t mode) {
    OUTBOXD_ASSIGN_OR_RETURN(auto listener, Listener::at_path(loop_, *this, path, mode));
    listener->start();
    listeners_.push_back(std::move(listener));
    return domain::ok_status();
  }

  void adopt(int fd) {
    listeners_.push_back(Listener::adopted(loop_, *this, fd));
    listeners_.back()->start();
  }

  void on_accept(int fd) override;
  void on_accept_without_room(int fd) override { turn_away(fd, "out of file descriptors"); }

  void reply(ReplyAddress to, std::string_view result) {
    Connection* connection = find(to.connection);
    if (connection == nullptr) return;
    append_response(connection->output, to.msgid, result);
    replied(*connection);
  }

  void reply_error(ReplyAddress to, const domain::Error& error) {
    Connection* connection = find(to.connection);
    if (connection == nullptr) return;
    append_error(connection->output, to.msgid, error);
    replied(*connection);
  }

  bool notify(ConnectionId id, std::string_view method, std::string_view params) {
    Connection* connection = find(id);
    if (connection == nullptr || connection->unsent_bytes() > limits_.unsent_bytes) return false;
    append_notification(connection->output, method, params);
    queue_flush(*connection);
    return true;
  }

  void hold() { held_ = true; }

  void release() {
    held_ = false;
    for (auto& connection : std::exchange(held_back_, {})) resume_later(std::move(connection));
  }

  void drain() {
    draining_ = true;
    for (const auto& listener : listeners_) listener->close();
  }

  [[nodiscard]] bool idle() const {
    return requests_in_flight_ == 0 && connections_with_output_ == 0;
  }

  [[nodiscard]] std::size_t connections() const { return open_connections_; }

 private:
  using Pointer = std::shared_ptr<Connection>;

  // Accepting and finding connections.
  void turn_away(int fd, const std::string& why);
  [[nodiscard]] Connection* find(ConnectionId id) const;
  [[nodiscard]] const Pointer& pointer_to(const Connection& connection) const {
    return slots_[connection.id & kSlotMask];
  }

  // Reading.
  void read(const Pointer& connection);
  void on_read(const Pointer& connection, const asio::error_code& error, std::size_t size);
  void take_messages(const Pointer& connection);
  void take_message(Connection& connection, std::string_view bytes);
  void answer_in_place(Connection& connection, std::uint32_t msgid, const domain::Error& error);
  void refuse_framing(Connection& connection, std::uint32_t msgid, const domain::Error& error);
  [[nodiscard]] bool has_room(const Connection& connection) const {
    return connection.requests_in_flight < limits_.requests_in_flight &&
           connection.unsent_bytes() <= limits_.unsent_bytes;
  }
  void resume_later(Pointer connection);
  void resume();

  // Writing and closing.
  void replied(Connection& connection);
  void queue_flush(Connection& connection);
  void flush();
  void send(const Pointer& connection);
  void finish(const Pointer& connection);
  void close(const Pointer& connection);

  // Constant after construction.
  EventLoop& loop_;
  RequestHandler& handler_;
  const ServerLimits limits_;
  // Null inside when the server is gone; for what cannot be cancelled.
  const std::shared_ptr<Impl*> self_ = std::make_shared<Impl*>(this);

  std::vector<std::shared_ptr<Listener>> listeners_;
  std::vector<Pointer> slots_;  // the connection table; null where free
  std::vector<std::size_t> free_slots_;
  ConnectionId next_serial_ = 1;
  Document document_;  // the message being handled

  std::vector<Pointer> flush_queue_;
  std::vector<Pointer> held_back_;
  std::vector<Pointer> resume_queue_;
  bool held_ = false;
  bool draining_ = false;
  bool resume_posted_ = false;

  // Sums over all connections.
  std::size_t open_connections_ = 0;
  std::size_t requests_in_flight_ = 0;
  std::size_t connections_with_output_ = 0;
};

// ---- Accepting and finding connections ----

void Server::Impl::on_accept(int fd) {
  if (open_connections_ >= limits_.connections) {
    turn_away(fd,
              std::to_string(limits_.connections) + " connections are open, the most there may be");
    return;
  }
  if (free_slots_.empty()) {
    free_slots_.push_back(slots_.size());
    slots_.emplace_back();
  }
  const std::size_t slot = free_slots_.back();
  free_slots_.pop_back();
  const ConnectionId id = next_serial_++ << kSlotBits | slot;
  slots_[slot] = std::make_shared<Connection>(loop_, fd, id, limits_.message_bytes);
  ++open_connections_;
  take_messages(slots_[slot]);
}

// Tells a client that it cannot be served, as far as its socket buffer takes it, and closes.
void Server::Impl::turn_away(int fd, const std::string& why) {
  std::string message;
  append_error(message, 0, {domain::ErrorCode::kTooLarge, why + "; connect again later", {}},
               domain::Retry::kLater);
  [[maybe_unused]] const ssize_t best_effort =
      ::send(fd, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::close(fd);
}

Connection* Server::Impl::find(ConnectionId id) const {
  const std::size_t slot = id & kSlotMask;
  if (slot >= slots_.size() || !slots_[slot] || slots_[slot]->id != id) return nullptr;
  return slots_[slot].get();
}

// ---- Reading ----

void Server::Impl::read(const Pointer& connection) {
  const auto room = connection->input.room();
  connection->socket.async_read_some(
      asio::buffer(room.data(), room.size()),
      [this, connection](const asio::error_code& error, std::size_t size) {
        if (!connection->closed) on_read(connection, error, size);
      });
}

void Server::Impl::on_read(const Pointer& connection, const asio::error_code& error,
                           std::size_t size) {
  if (error) {
    // End of input may be half of a close: the client may still wait for its replies.
    if (error != asio::error::eof) return close(connection);
    connection->finished = true;
    return finish(connection);
  }
  connection->input.added(size);
  take_messages(connection);
}

void Server::Impl::take_messages(const Pointer& connection) {
  Connection& c = *connection;
  while (!c.finished) {
    if (draining_) return;
    if (held_) {
      held_back_.push_back(connection);
      return;
    }
    if (!has_room(c)) {
      c.stalled = true;
      return;
    }
    const std::string_view bytes = c.input.unread();
    const ScanResult result = c.scanner.scan(bytes);
    if (result == ScanResult::kIncomplete) return read(connection);
    if (result != ScanResult::kComplete) {
      refuse_framing(c, salvage_msgid(bytes).value_or(0), error_of(result, limits_));
      break;
    }
    const std::size_t size = c.scanner.size();
    take_message(c, bytes.substr(0, size));
    c.input.consume(size);
    c.scanner.reset();
  }
  finish(connection);
}

void Server::Impl::take_message(Connection& connection, std::string_view bytes) {
  const auto root = document_.decode(bytes);
  if (!root) {
    // The framing is intact, the contents are not; a request can still be told.
    const auto msgid = salvage_msgid(bytes);
    if (!msgid) return refuse_framing(connection, 0, root.error());
    return answer_in_place(connection, *msgid, root.error());
  }
  const Message message = read_message(*root);
  Request request{
      {connection.id, message.msgid}, false, message.method, message.params, &connection.peer};
  switch (message.kind) {
    case Message::Kind::kRequest:
      ++connection.requests_in_flight;
      ++requests_in_flight_;
      return handler_.on_request(request);
    case Message::Kind::kNotification:
      request.is_notification = true;
      request.reply_to.connection = 0;  // whatever is replied goes nowhere
      return handler_.on_request(request);
    case Message::Kind::kBadRequest:
      return answer_in_place(connection, message.msgid, domain::bad_request({}, message.problem));
    case Message::Kind::kBadNotification: return;
    case Message::Kind::kBroken:
      return refuse_framing(connection, salvage_msgid(bytes).value_or(0),
                            domain::bad_request({}, message.problem));
  }
}

void Server::Impl::answer_in_place(Connection& connection, std::uint32_t msgid,
                                   const domain::Error& error) {
  append_error(connection.output, msgid, error);
  queue_flush(connection);
}

void Server::Impl::refuse_framing(Connection& connection, std::uint32_t msgid,
                                  const domain::Error& error) {
  answer_in_place(connection, msgid, error);
  connection.finished = true;
}

void Server::Impl::resume_later(Pointer connection) {
  connection->stalled = false;
  resume_queue_.push_back(std::move(connection));
  if (std::exchange(resume_posted_, true)) return;
  asio::post(loop_.native().io, [self = self_] {
    if (*self != nullptr) (*self)->resume();
  });
}

void Server::Impl::resume() {
  resume_posted_ = false;
  for (const Pointer& connection : std::exchange(resume_queue_, {})) {
    if (!connection->closed) take_messages(connection);
  }
}

// ---- Writing and closing ----

void Server::Impl::replied(Connection& connection) {
  OUTBOXD_CHECK(connection.requests_in_flight > 0);
  --connection.requests_in_flight;
  --requests_in_flight_;
  queue_flush(connection);
  if (connection.stalled && has_room(connection)) resume_later(pointer_to(connection));
}

// Something was appended to the output.
void Server::Impl::queue_flush(Connection& connection) {
  if (connection.flush_queued || connection.socket_full) return;
  connection.flush_queued = true;
  ++connections_with_output_;
  flush_queue_.push_back(pointer_to(connection));
  loop_.native().turn_wanted = true;
}

void Server::Impl::flush() {
  // By index: on_disconnect may notify others, which grows the queue.
  for (std::size_t i = 0; i < flush_queue_.size(); ++i) {
    const Pointer connection = std::move(flush_queue_[i]);
    if (connection->closed) continue;
    connection->flush_queued = false;
    send(connection);
  }
  flush_queue_.clear();
}

void Server::Impl::send(const Pointer& connection) {
  Connection& c = *connection;
  switch (c.send()) {
    case Connection::SendResult::kFailed: return close(connection);
    case Connection::SendResult::kSocketFull:
      c.socket_full = true;
      c.socket.async_wait(asio::socket_base::wait_write,
                          [this, connection](const asio::error_code& error) {
                            if (connection->closed) return;
                            if (error) return close(connection);
                            connection->socket_full = false;
                            send(connection);
                          });
      break;
    case Connection::SendResult::kSentAll: --connections_with_output_; break;
  }
  if (c.stalled && has_room(c)) resume_later(connection);
  finish(connection);
}

// Closes a connection that is finished, once nothing is owed to it.
void Server::Impl::finish(const Pointer& connection) {
  Connection& c = *connection;
  if (!c.finished) return;
  if (c.requests_in_flight == 0 && c.unsent_bytes() == 0) return close(connection);
  if (std::exchange(c.watching_hang_up, true)) return;
  // Nothing is read from it any more, so this is how its end is noticed.
  c.socket.async_wait(asio::socket_base::wait_error,
                      [this, connection](const asio::error_code& error) {
                        if (!connection->closed && !error) close(connection);
                      });
}

void Server::Impl::close(const Pointer& connection) {
  Connection& c = *connection;
  if (c.closed) return;
  const Pointer keep = connection;  // the argument may be the table's own
  if (c.unsent_bytes() > 0) --connections_with_output_;
  requests_in_flight_ -= c.requests_in_flight;
  --open_connections_;
  const std::size_t slot = c.id & kSlotMask;
  slots_[slot].reset();
  free_slots_.push_back(slot);
  c.close();
  handler_.on_disconnect(c.id);
}

// ---- Server ----

Server::Server(EventLoop& loop, RequestHandler& handler, ServerLimits limits)
    : impl_(std::make_unique<Impl>(loop, handler, limits)) {}
Server::~Server() = default;

domain::Status Server::listen(const std::string& path, mode_t mode) {
  return impl_->listen(path, mode);
}
void Server::adopt(int listening_fd) {
  impl_->adopt(listening_fd);
}
void Server::reply(ReplyAddress to, std::string_view result) {
  impl_->reply(to, result);
}
void Server::reply_error(ReplyAddress to, const domain::Error& error) {
  impl_->reply_error(to, error);
}
bool Server::notify(ConnectionId connection, std::string_view method, std::string_view params) {
  return impl_->notify(connection, method, params);
}
void Server::hold() {
  impl_->hold();
}
void Server::release() {
  impl_->release();
}
void Server::drain() {
  impl_->drain();
}
bool Server::idle() const {
  return impl_->idle();
}
std::size_t Server::connections() const {
  return impl_->connections();
}

}  // namespace outboxd::transport
