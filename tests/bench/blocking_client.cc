#include "tests/bench/blocking_client.h"

#include <array>
#include <chrono>
#include <string>

#include <unistd.h>

#include "tests/bench/errors.h"

namespace outboxd::bench {
namespace {

void round_trip(int fd, LoadProtocol& protocol, std::uint64_t number, std::string& buffer) {
  buffer.clear();
  protocol.append_request(number, buffer);
  write_all(fd, buffer);
  buffer.clear();
  std::array<char, 4096> chunk{};
  do {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got <= 0) throw BenchError("the server closed the connection");
    buffer.append(chunk.data(), static_cast<std::size_t>(got));
  } while (protocol.count_replies(buffer.data(), buffer.size()).count == 0);
}

}  // namespace

std::vector<std::uint64_t> measure_round_trips(UniqueFd socket, LoadProtocol& protocol,
                                               std::uint32_t requests) {
  using Clock = std::chrono::steady_clock;
  std::string buffer;
  std::uint64_t number = 0;
  for (std::uint32_t i = 0; i < requests / 10; ++i) {
    round_trip(socket.get(), protocol, ++number, buffer);
  }
  std::vector<std::uint64_t> nanoseconds;
  nanoseconds.reserve(requests);
  for (std::uint32_t i = 0; i < requests; ++i) {
    const auto begin = Clock::now();
    round_trip(socket.get(), protocol, ++number, buffer);
    nanoseconds.push_back(static_cast<std::uint64_t>((Clock::now() - begin).count()));
  }
  return nanoseconds;
}

}  // namespace outboxd::bench
