#include "tests/bench/nats_peer.h"

#include <cstring>
#include <fstream>
#include <string>

#include "tests/bench/child_process.h"
#include "tests/bench/errors.h"
#include "tests/bench/sample_order.h"
#include "tests/bench/temp_dir.h"

namespace outboxd::bench {
namespace {

constexpr std::uint32_t kWindow = 4000;  // what its own clients allow by default
constexpr std::string_view kInbox = "_INBOX.bench";
constexpr std::string_view kLineEnd = "\r\n";

std::string publish(const std::string& subject, const std::string& reply_to,
                    const std::string& body) {
  return "PUB " + subject + " " + reply_to + " " + std::to_string(body.size()) + "\r\n" + body +
         "\r\n";
}

// MSG <subject> <sid> [reply-to] <size>\r\n<body>\r\n for each acknowledgement.
class NatsProtocol : public LoadProtocol {
 public:
  NatsProtocol() : request_(publish("orders", std::string(kInbox), sample_event())) {}

  void append_request(std::uint64_t number, std::string& out) override {
    request_.append_to(out, number);
  }

  Replies count_replies(const char* data, std::size_t size) override {
    Replies replies{0, 0};
    std::string_view rest(data, size);
    while (true) {
      const std::size_t line = rest.find(kLineEnd);
      if (line == std::string_view::npos) return replies;
      std::size_t message = line + kLineEnd.size();
      if (rest.starts_with("MSG ")) {
        const std::string_view body = rest.substr(message);
        message += body_size(rest.substr(0, line)) + kLineEnd.size();
        if (rest.size() < message) return replies;
        if (!body.starts_with(R"({"stream":)")) refuse(body);
        ++replies.count;
      } else if (rest.starts_with("-ERR")) {
        refuse(rest);
      }  // else INFO or PING; with the interval set below nobody waits for a PONG
      replies.consumed_bytes += message;
      rest.remove_prefix(message);
    }
  }

 private:
  static std::size_t body_size(std::string_view header) {
    return std::stoul(std::string(header.substr(header.rfind(' ') + 1)));
  }

  [[noreturn]] static void refuse(std::string_view text) {
    throw BenchError("nats: " + std::string(text.substr(0, 200)));
  }

  NumberedText request_;
};

UniqueFd open_session(std::uint16_t port) {
  UniqueFd socket = connect_tcp(port);
  read_until(socket.get(), kLineEnd);  // INFO
  write_all(socket.get(), "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB " +
                              std::string(kInbox) + " 1\r\n" +
                              publish("$JS.API.STREAM.CREATE.ORDERS", std::string(kInbox),
                                      R"({"name":"ORDERS","subjects":["orders"],"storage":"file",)"
                                      R"("retention":"limits","num_replicas":1})"));
  while (true) {
    const std::string line = read_until(socket.get(), kLineEnd);
    if (line.find("stream_create_response") == std::string::npos) continue;
    if (line.find("\"error\"") != std::string::npos) throw BenchError("nats: " + line);
    return socket;
  }
}

}  // namespace

LoadResult measure_nats(const Settings& settings) {
  const std::string program = find_program("nats-server", "nats-server");
  const TempDir home(settings.work_dir);
  const auto directory = home.make("d");
  const std::uint16_t port = free_tcp_port();
  const auto config = directory / "nats.conf";
  std::ofstream(config) << "listen: \"127.0.0.1:" << port << "\"\nping_interval: \"1h\"\n"
                        << "jetstream { store_dir: \"" << directory.string() << "\" }\n";
  ChildProcess server({.argv = {program, "-c", config},
                       .environment = {},
                       .working_directory = directory,
                       .log_file = home.path() / "log",
                       .user_if_root = ""});
  std::vector<UniqueFd> sockets;
  wait_until_ready(server, std::chrono::seconds(20), [&] {
    sockets.clear();
    sockets.push_back(open_session(port));
  });
  NatsProtocol protocol;
  LoadLoop loop(std::move(sockets), kWindow, protocol);
  const LoadResult result = loop.run_count(settings.backlog_events);
  server.kill_hard();
  return result;
}

}  // namespace outboxd::bench
