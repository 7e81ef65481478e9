#include "client/client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "domain/check.h"

namespace outboxd::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Type tags of MessagePack-RPC.
constexpr int kRequest = 0;
constexpr int kResponse = 1;
constexpr int kNotification = 2;

// Handed to the kernel at once when this much is waiting, so that the daemon works meanwhile.
constexpr std::size_t kEagerSendBytes = 64 << 10;
constexpr std::size_t kReadBytes = 64 << 10;
// Notifications that nobody has taken yet; a caller that lets more pile up has forgotten them.
constexpr std::size_t kMaxNotifications = 1 << 16;

Failure unreachable(std::string message) {
  return Failure{.kind = FailureKind::kUnreachable,
                 .code = "unreachable",
                 .message = std::move(message),
                 .details = nullptr,
                 .retry = "later"};
}

std::string cannot_connect(const std::string& path, const char* why) {
  return "cannot connect to " + path + ": " + why;
}

timeval to_timeval(milliseconds duration) {
  return {.tv_sec = duration.count() / 1000, .tv_usec = duration.count() % 1000 * 1000};
}

bool is_response(const Json& message) {
  return message.is_array() && message.size() == 4 && message[0] == kResponse &&
         message[1].is_number_unsigned();
}

bool is_notification(const Json& message) {
  return message.is_array() && message.size() == 3 && message[0] == kNotification &&
         message[1].is_string();
}

}  // namespace

Result<Client> Client::connect(Options options) {
  const std::string& path = options.socket;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return unreachable(cannot_connect(path, "a socket's path has 1 to 107 bytes"));
  }
  std::memcpy(address.sun_path, path.data(), path.size());

  Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return unreachable(cannot_connect(path, std::strerror(errno)));
  // A full accept queue makes connect wait; the send timeout bounds that.
  const timeval timeout = to_timeval(std::max(options.timeout, milliseconds(1)));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
  int connected = 0;
  do {
    connected = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
  } while (connected != 0 && errno == EINTR);
  if (connected != 0) {
    const bool timed_out = errno == EAGAIN || errno == EINPROGRESS;
    return unreachable(cannot_connect(
        path, timed_out ? "too many others are waiting to connect" : std::strerror(errno)));
  }
  const int flags = ::fcntl(fd.get(), F_GETFL);
  ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK);
  return Client(std::move(options), std::move(fd));
}

Result<Json> Client::call(std::string_view method, Json arguments) {
  const std::uint64_t request_start = bytes_taken_;
  OUTBOXD_ASSIGN_OR_RETURN(const MsgId msgid, send(method, std::move(arguments)));
  const Deadline until = deadline();
  while (in_flight_.contains(msgid)) {
    auto went_on = turn(until);
    if ((went_on && *went_on) || !in_flight_.contains(msgid)) continue;
    Failure failure =
        went_on ? lost("timeout", "no reply within the timeout") : std::move(went_on).error();
    // Not a byte of the request left this process: it was not done.
    if (bytes_handed_ <= request_start) failure.kind = FailureKind::kUnreachable;
    return failure;
  }
  const auto reply = std::find_if(replies_.begin(), replies_.end(),
                                  [&](const Reply& entry) { return entry.msgid == msgid; });
  OUTBOXD_CHECK(reply != replies_.end());
  Result<Json> outcome = std::move(reply->outcome);
  replies_.erase(reply);
  return outcome;
}

Result<MsgId> Client::send(std::string_view method, Json arguments) {
  OUTBOXD_CHECK(can_send());
  if (!fd_.is_open()) return unreachable("the connection to " + options_.socket + " is closed");
  Json params = Json::array();
  if (!arguments.is_null()) params.push_back(std::move(arguments));
  const MsgId msgid = next_msgid_;
  Json message = Json::array({kRequest, msgid, std::string(method)});
  message.push_back(std::move(params));
  const std::size_t before = unsent_.size();
  OUTBOXD_TRY(encode(message, unsent_));
  bytes_taken_ += unsent_.size() - before;
  ++next_msgid_;
  in_flight_.insert(msgid);
  if (unsent_.size() >= kEagerSendBytes) OUTBOXD_TRY(write_some());
  return msgid;
}

Status Client::flush() {
  const Deadline until = deadline();
  while (!unsent_.empty()) {
    OUTBOXD_ASSIGN_OR_RETURN(const bool went_on, turn(until));
    if (!went_on) return lost("timeout", "the daemon does not read what is sent to it");
  }
  return domain::Nothing{};
}

Result<Reply> Client::receive() {
  OUTBOXD_CHECK(in_flight() > 0);
  const Deadline until = deadline();
  while (replies_.empty()) {
    auto went_on = turn(until);
    if (!replies_.empty()) break;  // whatever became of the connection after it
    if (!went_on) return std::move(went_on).error();
    if (!*went_on) return lost("timeout", "no reply within the timeout");
  }
  Reply reply = std::move(replies_.front());
  replies_.pop_front();
  return reply;
}

Result<Notification> Client::next_notification(milliseconds timeout) {
  const Deadline until = steady_clock::now() + timeout;
  while (notifications_.empty()) {
    OUTBOXD_ASSIGN_OR_RETURN(const bool went_on, turn(until));
    if (!went_on) {
      return Failure{.kind = FailureKind::kOutcomeUnknown,
                     .code = "timeout",
                     .message = "no notification within the timeout",
                     .details = nullptr,
                     .retry = "later"};
    }
  }
  Notification notification = std::move(notifications_.front());
  notifications_.pop_front();
  return notification;
}

Client::Deadline Client::deadline() const {
  return steady_clock::now() + options_.timeout;
}

Result<bool> Client::turn(Deadline until) {
  if (!fd_.is_open()) return unreachable("the connection to " + options_.socket + " is closed");
  const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
  pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  if (!unsent_.empty()) ready.events |= POLLOUT;
  const int count =
      ::poll(&ready, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1 << 30)));
  if (count < 0 && errno != EINTR) return lost("connection_lost", std::strerror(errno));
  if (count == 0) return false;
  if (count < 0) return true;
  // Reading first: when the daemon has gone, its last replies are still there.
  if ((ready.revents & (POLLIN | POLLHUP | POLLERR)) != 0) OUTBOXD_TRY(read_some());
  if ((ready.revents & POLLOUT) != 0) OUTBOXD_TRY(write_some());
  return true;
}

Status Client::write_some() {
  const ssize_t sent = ::send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
  if (sent >= 0) {
    bytes_handed_ += static_cast<std::uint64_t>(sent);
    unsent_.erase(0, static_cast<std::size_t>(sent));
    return domain::Nothing{};
  }
  if (errno == EAGAIN || errno == EINTR) return domain::Nothing{};
  const std::string why = std::strerror(errno);
  // The daemon may have answered before it went.
  OUTBOXD_TRY(read_some());
  return lost("connection_lost", "the connection was lost: " + why);
}

Status Client::read_some() {
  std::array<char, kReadBytes> bytes;
  const ssize_t received = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
  if (received > 0) {
    reader_.feed({bytes.data(), static_cast<std::size_t>(received)});
    return take_messages();
  }
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return domain::Nothing{};
  return lost("connection_lost",
              received == 0 ? "the daemon closed the connection"
                            : std::string("the connection was lost: ") + std::strerror(errno));
}

Status Client::take_messages() {
  while (true) {
    auto next = reader_.next();
    if (!next) return lost(next.error().code, next.error().message);
    if (!next->has_value()) return domain::Nothing{};
    Json& message = **next;
    if (is_response(message)) {
      OUTBOXD_TRY(take_response(message));
    } else if (is_notification(message)) {
      OUTBOXD_TRY(take_notification(message));
    } else {
      return lost("bad_reply", "what came back is neither a response nor a notification");
    }
  }
}

Status Client::take_response(Json& message) {
  const auto msgid = message[1].get<std::uint64_t>();
  if (msgid > UINT32_MAX || in_flight_.erase(static_cast<MsgId>(msgid)) == 0) {
    // The daemon says this way what is wrong before it closes a connection.
    const Failure said = failure_of_reply(message[2]);
    return lost(said.code, "a reply to nothing that was asked: " + said.message);
  }
  Result<Json> outcome = message[2].is_null() ? Result<Json>(std::move(message[3]))
                                              : Result<Json>(failure_of_reply(message[2]));
  replies_.push_back(Reply{static_cast<MsgId>(msgid), std::move(outcome)});
  return domain::Nothing{};
}

Status Client::take_notification(Json& message) {
  if (notifications_.size() == kMaxNotifications) {
    return lost("too_large", "more notifications than this client keeps");
  }
  notifications_.push_back(Notification{message[1].get<std::string>(), std::move(message[2])});
  return domain::Nothing{};
}

Failure Client::lost(std::string code, std::string message) {
  fd_.reset();
  return Failure{.kind = FailureKind::kOutcomeUnknown,
                 .code = std::move(code),
                 .message = std::move(message),
                 .details = nullptr,
                 .retry = "same_id"};
}

}  // namespace outboxd::client
