#include "tests/bench/redis_peer.h"

#include <cstring>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/child_process.h"
#include "tests/bench/errors.h"
#include "tests/bench/sample_order.h"
#include "tests/bench/temp_dir.h"

namespace outboxd::bench {
namespace {

// The shortest reply that exists: what Redis says is not what is measured.
constexpr std::string_view kScript =
    "redis.call('SET',KEYS[1],ARGV[1]) redis.call('XADD',KEYS[2],'*','e',ARGV[2]) return 1";

std::string command(const std::vector<std::string_view>& words) {
  std::ostringstream encoded;
  encoded << '*' << words.size() << "\r\n";
  for (const std::string_view word : words) {
    encoded << '$' << word.size() << "\r\n" << word << "\r\n";
  }
  return encoded.str();
}

class RedisProtocol : public LoadProtocol {
 public:
  explicit RedisProtocol(const std::string& script_sha)
      : request_(command({"EVALSHA", script_sha, "2", "order:" + std::string(kOrderNumber),
                          "outbox", sample_state(), sample_event()})) {}

  void append_request(std::uint64_t number, std::string& out) override {
    request_.append_to(out, number);
  }

  Replies count_replies(const char* data, std::size_t size) override {
    Replies replies{0, 0};
    while (const void* found =
               std::memchr(data + replies.consumed_bytes, '\n', size - replies.consumed_bytes)) {
      if (data[replies.consumed_bytes] != ':') {
        throw BenchError("redis: " + std::string(data + replies.consumed_bytes,
                                                 static_cast<const char*>(found)));
      }
      replies.consumed_bytes = static_cast<std::size_t>(static_cast<const char*>(found) - data) + 1;
      ++replies.count;
    }
    return replies;
  }

 private:
  NumberedText request_;
};

std::string load_script(int fd) {
  write_all(fd, command({"SCRIPT", "LOAD", kScript}));
  if (!read_until(fd, "\r\n").starts_with("$40")) throw BenchError("redis refused the script");
  return read_until(fd, "\r\n").substr(0, 40);
}

}  // namespace

LoadResult measure_redis(const Settings& settings, std::uint32_t connections,
                         std::uint32_t in_flight) {
  const std::string program = find_program("redis-server", "redis-server");
  const TempDir home(settings.work_dir);
  const auto directory = home.make("d");
  const auto socket = directory / "s";
  ChildProcess server({.argv = {program, "--port", "0", "--unixsocket", socket, "--dir", directory,
                                "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                                "--auto-aof-rewrite-percentage", "0", "--daemonize", "no"},
                       .environment = {},
                       .working_directory = directory,
                       .log_file = home.path() / "log",
                       .user_if_root = ""});
  std::vector<UniqueFd> sockets;
  wait_until_ready(server, std::chrono::seconds(10), [&] {
    sockets.clear();
    for (std::uint32_t i = 0; i < connections; ++i) sockets.push_back(connect_unix(socket));
  });
  RedisProtocol protocol(load_script(sockets.front().get()));
  LoadLoop loop(std::move(sockets), in_flight, protocol);
  const LoadResult result = loop.run_for(settings.warm_up, settings.window);
  server.kill_hard();  // its data is thrown away; an orderly stop would only write it once more
  return result;
}

}  // namespace outboxd::bench
