#include "transport/ipc/server.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include <asio/post.hpp>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "domain/check.h"
#include "transport/ipc/connection.h"
#include "transport/ipc/framing.h"
#include "transport/ipc/listener.h"
#include "transport/ipc/native.h"
#include "transport/ipc/poller.h"

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

// Descriptors are given out lowest first: a connection that gets this one or a higher one says that
// the process is about to run out of them, and its files must not be what there is no room for.
int end_of_connection_fds() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return std::numeric_limits<int>::max();
  const rlim_t reserved = std::min<rlim_t>(kDescriptorsForFiles, files.rlim_cur / 2);
  return static_cast<int>(
      std::min<rlim_t>(files.rlim_cur - reserved, std::numeric_limits<int>::max()));
}

}  // namespace

// What happens to a connection:
//
//   read ─▶ take messages ─▶ read …     until one of these is so:
//   idle         nothing is there to be read; the poller tells when there is
//   stalled      its own limits (in flight, unsent): goes on when a reply or a write makes room
//   held back    hold(): goes on after release()
//   ended        end of input or broken framing: closed when every reply has left
//
// To go on is posted, never done in place: it calls the handler, and the handler is often what made
// the room. For the same reason connections are closed only where the loop calls in. A connection
// is destroyed when it is closed, so queues name connections by id.
class Server::Impl final : public AcceptHandler, public ReadinessHandler {
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
    poller_->close();
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
  void on_ready(ConnectionId id, Readiness readiness) override;

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
    for (const ConnectionId id : std::exchange(held_back_, {})) {
      if (Connection* connection = find(id)) go_on_later(*connection);
    }
  }

  void drain() {
    draining_ = true;
    for (const auto& listener : listeners_) listener->close();
  }

  [[nodiscard]] bool idle() const {
    return std::none_of(slots_.begin(), slots_.end(), [](const auto& connection) {
      return connection && (connection->requests_in_flight > 0 || connection->unsent_bytes() > 0);
    });
  }

  [[nodiscard]] std::size_t connections() const { return open_connections_; }

 private:
  // Accepting and finding connections.
  void turn_away(int fd, const std::string& why);
  [[nodiscard]] Connection* find(ConnectionId id) const;

  // Reading.
  void go_on(Connection& connection);
  bool take_messages(Connection& connection);
  void take_message(Connection& connection, std::string_view bytes);
  void answer_in_place(Connection& connection, std::uint32_t msgid, const domain::Error& error);
  void refuse_framing(Connection& connection, std::uint32_t msgid, const domain::Error& error);
  [[nodiscard]] bool has_room(const Connection& connection) const {
    return connection.requests_in_flight < limits_.requests_in_flight &&
           connection.unsent_bytes() <= limits_.unsent_bytes;
  }
  void go_on_later(Connection& connection);
  void go_on_with_queue();

  // Writing and closing.
  void replied(Connection& connection);
  void queue_flush(Connection& connection);
  void flush();
  void send(Connection& connection);
  void close_if_done(Connection& connection);
  void close(Connection& connection);

  // Constant after construction.
  EventLoop& loop_;
  RequestHandler& handler_;
  const ServerLimits limits_;
  const int end_of_connection_fds_ = end_of_connection_fds();
  const std::shared_ptr<Poller> poller_ = Poller::start(loop_, *this);
  // Null inside when the server is gone; for what cannot be cancelled.
  const std::shared_ptr<Impl*> self_ = std::make_shared<Impl*>(this);

  std::vector<std::shared_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Connection>> slots_;  // the connection table; null where free
  std::vector<std::size_t> free_slots_;
  std::size_t open_connections_ = 0;
  ConnectionId next_serial_ = 1;
  Document document_;  // the message being handled

  // Ids in these may be of connections that are gone.
  std::vector<ConnectionId> flush_queue_;
  std::vector<ConnectionId> held_back_;
  std::vector<ConnectionId> go_on_queue_;
  bool held_ = false;
  bool draining_ = false;
  bool go_on_posted_ = false;
};

// ---- Accepting and finding connections ----

void Server::Impl::on_accept(int fd) {
  if (fd >= end_of_connection_fds_) return on_accept_without_room(fd);
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
  if (!poller_->add(fd, id)) {
    free_slots_.push_back(slot);
    turn_away(fd, "the kernel watches no more sockets");
    return;
  }
  slots_[slot] = std::make_unique<Connection>(fd, id, limits_.message_bytes);
  ++open_connections_;
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

void Server::Impl::on_ready(ConnectionId id, Readiness readiness) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  Connection& c = *connection;
  c.readable |= readiness.readable;
  c.peer_finished |= readiness.finished;
  c.hung_up |= readiness.hung_up;
  if (readiness.writable && c.socket_full) {
    poller_->watch_writable(c.fd, id, false);
    c.socket_full = false;
    queue_flush(c);
  }
  // Nobody is left to be answered. What it sent before may still be read, unless it waits for room.
  if (c.hung_up && (c.taking_ended || c.stalled || draining_)) return close(c);
  if (!c.stalled && !c.continues) go_on(c);
}

// Takes what has arrived; reads once if that was not enough.
void Server::Impl::go_on(Connection& c) {
  if (!take_messages(c) || !c.readable) return;
  switch (c.receive()) {
    case Connection::Receipt::kFailure: return close(c);
    case Connection::Receipt::kEnd:
      // Maybe only half of a close: the client may still wait for its replies.
      c.taking_ended = true;
      return c.hung_up ? close(c) : close_if_done(c);
    case Connection::Receipt::kNothing: break;
    case Connection::Receipt::kBytes:
      if (!take_messages(c)) return;
  }
  if (c.readable) go_on_later(c);
}

// Passes on the messages that are there. True when it wants more bytes; when not, the connection
// may be closed.
bool Server::Impl::take_messages(Connection& c) {
  while (!c.taking_ended) {
    if (draining_) return false;
    if (held_) {
      c.continues = true;  // when release() says so; no event is to put it there twice
      held_back_.push_back(c.id);
      return false;
    }
    if (!has_room(c)) {
      c.stalled = true;
      if (c.hung_up) close(c);
      return false;
    }
    const std::string_view bytes = c.input.unread();
    const ScanResult result = c.scanner.scan(bytes);
    if (result == ScanResult::kIncomplete) return true;
    if (result != ScanResult::kComplete) {
      refuse_framing(c, salvage_msgid(bytes).value_or(0), error_of(result, limits_));
      break;
    }
    const std::size_t size = c.scanner.size();
    take_message(c, bytes.substr(0, size));
    c.input.consume(size);
    c.scanner.reset();
  }
  close_if_done(c);
  return false;
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
  connection.taking_ended = true;
}

void Server::Impl::go_on_later(Connection& connection) {
  connection.stalled = false;
  connection.continues = true;
  go_on_queue_.push_back(connection.id);
  if (std::exchange(go_on_posted_, true)) return;
  asio::post(loop_.native().io, [self = self_] {
    if (*self != nullptr) (*self)->go_on_with_queue();
  });
}

void Server::Impl::go_on_with_queue() {
  go_on_posted_ = false;
  for (const ConnectionId id : std::exchange(go_on_queue_, {})) {
    Connection* connection = find(id);
    if (connection == nullptr) continue;
    connection->continues = false;
    go_on(*connection);
  }
}

// ---- Writing and closing ----

void Server::Impl::replied(Connection& connection) {
  OUTBOXD_CHECK(connection.requests_in_flight > 0);
  --connection.requests_in_flight;
  queue_flush(connection);
  if (connection.stalled && has_room(connection)) go_on_later(connection);
}

// Something was appended to the output, or it can leave again.
void Server::Impl::queue_flush(Connection& connection) {
  if (connection.flush_queued || connection.socket_full) return;
  connection.flush_queued = true;
  flush_queue_.push_back(connection.id);
  loop_.native().turn_wanted = true;
}

void Server::Impl::flush() {
  // By index: on_disconnect may notify others, which grows the queue.
  for (std::size_t i = 0; i < flush_queue_.size(); ++i) {
    Connection* connection = find(flush_queue_[i]);
    if (connection == nullptr) continue;
    connection->flush_queued = false;
    send(*connection);
  }
  flush_queue_.clear();
}

void Server::Impl::send(Connection& c) {
  switch (c.send()) {
    case Connection::Delivery::kFailure: return close(c);
    case Connection::Delivery::kSocketFull:
      c.socket_full = true;
      poller_->watch_writable(c.fd, c.id, true);
      break;
    case Connection::Delivery::kAll: break;
  }
  if (c.stalled && has_room(c)) go_on_later(c);
  close_if_done(c);
}

// Closes a connection from which nothing more is taken, once nothing is owed to it.
void Server::Impl::close_if_done(Connection& c) {
  if (c.taking_ended && c.requests_in_flight == 0 && c.unsent_bytes() == 0) close(c);
}

void Server::Impl::close(Connection& connection) {
  const ConnectionId id = connection.id;
  --open_connections_;
  const std::size_t slot = id & kSlotMask;
  slots_[slot].reset();
  free_slots_.push_back(slot);
  handler_.on_disconnect(id);
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
