#include "tests/unit/client/fake_daemon.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client/wire.h"

namespace outboxd::client::testing {
namespace {

std::string encoded(const Json& message) {
  std::string bytes;
  OUTBOXD_CHECK(encode(message, bytes).ok());
  return bytes;
}

IncomingRequest parse(const Json& message) {
  OUTBOXD_CHECK(message.size() == 4 && message[0] == 0);
  const Json& params = message[3];
  return {.msgid = message[1].get<std::uint32_t>(),
          .method = message[2].get<std::string>(),
          .arguments = params.empty() ? Json() : params[0]};
}

}  // namespace

TempDir::TempDir() {
  std::string path = (std::filesystem::temp_directory_path() / "outboxd-client-XXXXXX").string();
  OUTBOXD_CHECK(::mkdtemp(path.data()) != nullptr);
  path_ = path;
}

TempDir::~TempDir() {
  std::filesystem::remove_all(path_);
}

Answer reply(const IncomingRequest& request, const Json& result) {
  Json message = Json::array({1, request.msgid, nullptr});
  message.push_back(result);
  return {.bytes = encoded(message)};
}

Answer refusal(const IncomingRequest& request, const std::string& code, const std::string& message,
               const std::string& retry, const std::string& argument) {
  Json error = {{"code", code}, {"message", message}};
  if (!argument.empty()) error["details"] = {{"argument", argument}};
  error["retry"] = retry;
  return {.bytes = encoded(Json::array({1, request.msgid, error, nullptr}))};
}

Answer notification(const std::string& method, const Json& argument) {
  Json params = Json::array();
  params.push_back(argument);
  return {.bytes = encoded(Json::array({2, method, params}))};
}

Answer silence() {
  return {};
}

Answer hang_up() {
  return {.hang_up = true};
}

Answer operator+(Answer first, const Answer& second) {
  first.bytes += second.bytes;
  first.hang_up = first.hang_up || second.hang_up;
  return first;
}

FakeDaemon::FakeDaemon(std::string path, Script script)
    : path_(std::move(path)),
      script_(std::move(script)),
      listening_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  OUTBOXD_CHECK(path_.size() < sizeof(address.sun_path));
  std::memcpy(address.sun_path, path_.data(), path_.size());
  OUTBOXD_CHECK(::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) ==
                0);
  OUTBOXD_CHECK(::listen(listening_.get(), 16) == 0);
  std::array<int, 2> pipe{};
  OUTBOXD_CHECK(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  stop_read_.reset(pipe[0]);
  stop_write_.reset(pipe[1]);
  thread_ = std::thread([this] { serve(); });
}

FakeDaemon::~FakeDaemon() {
  stop();
  std::filesystem::remove(path_);
}

void FakeDaemon::stop() {
  stop_write_.reset();
  if (thread_.joinable()) thread_.join();
}

void FakeDaemon::serve() {
  while (wait_readable(listening_.get())) {
    const Descriptor connection(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    OUTBOXD_CHECK(connection.is_open());
    serve_connection(connection.get());
  }
}

void FakeDaemon::serve_connection(int fd) {
  MessageReader reader;
  std::array<char, 64 << 10> bytes{};
  while (wait_readable(fd)) {
    const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (count <= 0) return;
    reader.feed({bytes.data(), static_cast<std::size_t>(count)});
    while (true) {
      auto message = reader.next();
      OUTBOXD_CHECK(message.ok());
      if (!message->has_value()) break;
      const Answer answer = script_(parse(**message));
      for (std::size_t sent = 0; sent < answer.bytes.size();) {
        const ssize_t taken =
            ::send(fd, answer.bytes.data() + sent, answer.bytes.size() - sent, MSG_NOSIGNAL);
        if (taken <= 0) return;
        sent += static_cast<std::size_t>(taken);
      }
      if (answer.hang_up) return;
    }
  }
}

bool FakeDaemon::wait_readable(int fd) const {
  std::array<pollfd, 2> ready = {pollfd{fd, POLLIN, 0}, pollfd{stop_read_.get(), POLLIN, 0}};
  OUTBOXD_CHECK(::poll(ready.data(), ready.size(), -1) > 0);
  return ready[1].revents == 0;
}

}  // namespace outboxd::client::testing
