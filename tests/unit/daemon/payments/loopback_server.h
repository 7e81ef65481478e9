// A plain HTTP server on the loopback, for clients to be tested against.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace outboxd::support {

struct HttpRequest {
  std::string head;  // request line and headers, as they came
  std::string body;

  // The value of header `name` (as the client spells it), or nothing.
  [[nodiscard]] std::optional<std::string> header(const std::string& name) const;
};

// Listens on a free port and answers one connection after the other, each for as many requests as
// it sends. The destructor ends it.
class LoopbackServer {
 public:
  // What goes back to the client, byte for byte; nothing: the client is left to wait. Runs on the
  // server's thread.
  using Answer = std::function<std::optional<std::string>(const HttpRequest&)>;

  explicit LoopbackServer(Answer answer);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  [[nodiscard]] std::string url() const;  // http://127.0.0.1:PORT
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::vector<HttpRequest> requests() const;
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void run();
  void serve(int connection);
  bool wait_readable(int fd) const;

  const Answer answer_;
  int listener_ = -1;
  int stop_pipe_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::thread thread_;
};

// An answer with `status` and `body`, after which the connection may be used again.
std::string http_answer(int status, const std::string& body = {});

}  // namespace outboxd::support
