#include "tests/bench/postgres_load.h"

#include <chrono>
#include <vector>

#include <poll.h>

#include "tests/bench/errors.h"

namespace outboxd::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

Clock::time_point after(Seconds seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(seconds);
}

}  // namespace

LoadResult drive_postgres(const PostgresServer& server, const Settings& settings,
                          std::uint32_t clients, const char* statement,
                          const SendTransaction& send) {
  std::vector<PostgresClient> connected;
  for (std::uint32_t i = 0; i < clients; ++i) {
    connected.emplace_back(server.directory()).prepare(statement);
  }
  std::uint64_t next_number = 1;
  std::vector<pollfd> polled;
  for (PostgresClient& client : connected) {
    polled.push_back({.fd = client.socket(), .events = POLLIN, .revents = 0});
    send(client, next_number++);
  }
  std::uint64_t completed = 0;
  const auto run_until = [&](Clock::time_point end) {
    const std::uint64_t before = completed;
    while (Clock::now() < end) {
      if (::poll(polled.data(), polled.size(), 1000) < 0) throw_errno("poll");
      for (std::size_t i = 0; i < connected.size(); ++i) {
        if (polled[i].revents == 0 || !connected[i].receive()) continue;
        ++completed;
        send(connected[i], next_number++);
      }
    }
    return completed - before;
  };
  run_until(after(settings.warm_up));
  const auto begin = Clock::now();
  const std::uint64_t in_window = run_until(after(settings.window));
  return {in_window, Seconds(Clock::now() - begin).count()};
}

}  // namespace outboxd::bench
