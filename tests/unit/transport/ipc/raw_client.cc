#include "tests/unit/transport/ipc/raw_client.h"

#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "domain/check.h"
#include "transport/msgpack/scanner.h"
#include "transport/msgpack/writer.h"

namespace outboxd::transport {
namespace {

constexpr std::size_t kAnySize = 1 << 30;

std::string text_of(Value map, std::string_view name) {
  for (std::size_t i = 0; i < map.size(); ++i) {
    const auto [key, value] = map.entry(i);
    if (key.as_string() == name) return std::string(value.as_string().value_or(""));
  }
  return {};
}

Received taken_apart(std::string_view bytes) {
  Document document;
  const auto root = document.decode(bytes);
  OUTBOXD_CHECK(root.ok() && root->kind() == Value::Kind::kArray);
  Received received;
  received.type = root->at(0).as_unsigned().value_or(99);
  if (received.type == 2) {
    OUTBOXD_CHECK(root->size() == 3);
    received.method = root->at(1).as_string().value_or("");
    root->at(2).encode_to(received.result);
    return received;
  }
  OUTBOXD_CHECK(received.type == 1 && root->size() == 4);
  received.msgid = static_cast<std::uint32_t>(root->at(1).as_unsigned().value());
  const Value error = root->at(2);
  received.error_code = text_of(error, "code");
  received.message = text_of(error, "message");
  received.retry = text_of(error, "retry");
  for (std::size_t i = 0; i < error.size(); ++i) {
    const auto [key, value] = error.entry(i);
    if (key.as_string() == "details") received.argument = text_of(value, "argument");
  }
  root->at(3).encode_to(received.result);
  return received;
}

}  // namespace

std::string request(std::uint32_t msgid, std::string_view method, std::string_view params) {
  std::string bytes;
  Writer(bytes).array(4).integer(0).unsigned_integer(msgid).string(method).raw(params);
  return bytes;
}

std::string one_integer(std::int64_t value) {
  std::string bytes;
  Writer(bytes).array(1).integer(value);
  return bytes;
}

RawClient::RawClient() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  OUTBOXD_CHECK(fd_ >= 0);
}

RawClient::RawClient(const std::string& path) : RawClient() {
  OUTBOXD_CHECK(connect(path) == 0);
}

RawClient::~RawClient() {
  close();
}

RawClient::RawClient(RawClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), input_(std::move(other.input_)), echoes_(other.echoes_) {}

int RawClient::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  OUTBOXD_CHECK(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  return ::connect(fd_, generic, sizeof address) == 0 ? 0 : errno;
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::size_t RawClient::send_what_fits(std::string_view bytes) {
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  OUTBOXD_CHECK(sent >= 0 || errno == EAGAIN);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

void RawClient::finish_sending() {
  ::shutdown(fd_, SHUT_WR);
}

void RawClient::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::optional<Received> RawClient::receive() {
  Scanner scanner(kAnySize);
  while (true) {
    const ScanResult result = scanner.scan(input_);
    if (result == ScanResult::kComplete) break;
    OUTBOXD_CHECK(result == ScanResult::kIncomplete);
    char buffer[65536];
    const ssize_t size = ::recv(fd_, buffer, sizeof buffer, 0);
    if (size <= 0) return std::nullopt;
    input_.append(buffer, static_cast<std::size_t>(size));
  }
  Received received = taken_apart(std::string_view(input_).substr(0, scanner.size()));
  input_.erase(0, scanner.size());
  return received;
}

bool RawClient::closed_by_server() {
  char byte = 0;
  return input_.empty() && ::recv(fd_, &byte, 1, 0) <= 0;
}

bool RawClient::echo() {
  const std::uint32_t msgid = 1'000'000 + echoes_++;
  const std::string params = one_integer(msgid);
  if (!send(request(msgid, "echo", params))) return false;
  const auto reply = receive();
  return reply && reply->msgid == msgid && reply->result == params;
}

}  // namespace outboxd::transport
