// A client that can misbehave: it sends any bytes in any pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/msgpack/value.h"

namespace outboxd::transport {

// An encoded request; `params` is an encoded array.
std::string request(std::uint32_t msgid, std::string_view method, std::string_view params = "\x90");

// An encoded array of one integer.
std::string one_integer(std::int64_t value);

// What a server sent, taken apart.
struct Received {
  std::uint64_t type = 0;  // 1: response, 2: notification
  std::uint32_t msgid = 0;
  std::string method;      // of a notification
  std::string error_code;  // empty: no error
  std::string message;
  std::string argument;
  std::string retry;
  std::string result;  // or params, encoded
};

class RawClient {
 public:
  // Waits until the server's kernel has room for the connection.
  explicit RawClient(const std::string& path);
  // A socket that is not connected yet; connect() needs no further descriptor.
  RawClient();
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;

  // 0, or what errno says.
  int connect(const std::string& path);

  // False when the server has closed the connection.
  bool send(std::string_view bytes);
  // What the socket takes now, in bytes.
  std::size_t send_what_fits(std::string_view bytes);
  void finish_sending();
  void close();

  // The next message; nothing when the server has closed the connection.
  std::optional<Received> receive();
  // True when the server has closed the connection and sent nothing more before.
  bool closed_by_server();

  // Sends an `echo` and waits for its reply. Also tells that the server's loop has taken a turn.
  bool echo();

 private:
  int fd_ = -1;
  std::string input_;
  std::uint32_t echoes_ = 0;
};

}  // namespace outboxd::transport
