// A daemon for tests, which answers as it is told.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "client/descriptor.h"
#include "client/failure.h"

namespace outboxd::client::testing {

// A directory of its own, gone with it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// What the fake daemon does about one request.
struct Answer {
  std::string bytes = {};
  bool hang_up = false;  // after the bytes
};

// One whole message of MessagePack-RPC.
struct IncomingRequest {
  std::uint32_t msgid = 0;
  std::string method;
  Json arguments;  // null: none
};

Answer reply(const IncomingRequest& request, const Json& result);
Answer refusal(const IncomingRequest& request, const std::string& code, const std::string& message,
               const std::string& retry, const std::string& argument = "");
Answer notification(const std::string& method, const Json& argument);
Answer silence();
Answer hang_up();
// The bytes of both, in this order.
Answer operator+(Answer first, const Answer& second);

// Listens on a Unix socket from construction to destruction and passes every request to `script`,
// on a thread of its own. Serves one connection after the other.
class FakeDaemon {
 public:
  using Script = std::function<Answer(const IncomingRequest&)>;

  FakeDaemon(std::string path, Script script);
  ~FakeDaemon();
  // Returns once the script runs no more. What the script wrote for an answer that came may be read
  // without this; what it wrote before it hung up, only after this.
  void stop();

 private:
  void serve();
  void serve_connection(int fd);
  // False when the test is over.
  bool wait_readable(int fd) const;

  const std::string path_;
  const Script script_;
  Descriptor listening_;
  Descriptor stop_read_;
  Descriptor stop_write_;
  std::thread thread_;
};

}  // namespace outboxd::client::testing
