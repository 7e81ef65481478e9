// The load generator: many connections, each with a fixed number of requests in flight, driven by
// one thread. It shares the machine's few cores with the server it measures, so it copies prepared
// bytes, counts replies, and does nothing else.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/sockets.h"

namespace outboxd::bench {

// What the generator has to know about a wire protocol. One object serves all connections.
class LoadProtocol {
 public:
  struct Replies {
    std::size_t consumed_bytes;  // whole replies only; the rest is offered again with more behind
    std::uint32_t count;
  };

  virtual ~LoadProtocol() = default;

  // Appends the bytes of one request; `number` is unique among all requests of the generator.
  virtual void append_request(std::uint64_t number, std::string& out) = 0;

  // Counts the whole replies at the front of `data`. Throws BenchError at the first reply that is
  // an error: a figure with failed requests in it means nothing.
  virtual Replies count_replies(const char* data, std::size_t size) = 0;
};

struct LoadResult {
  std::uint64_t completed = 0;
  double seconds = 0;

  double per_second() const { return static_cast<double>(completed) / seconds; }
};

class LoadLoop {
 public:
  // Takes connected sockets and the number that the first request gets. `protocol` must outlive
  // the loop.
  LoadLoop(std::vector<UniqueFd> sockets, std::uint32_t in_flight, LoadProtocol& protocol,
           std::uint64_t first_number = 1);
  LoadLoop(const LoadLoop&) = delete;
  LoadLoop& operator=(const LoadLoop&) = delete;

  // Counts the replies of `window` after `warm_up`, then waits for those still outstanding, so
  // that nothing of this run is left for the next one.
  LoadResult run_for(std::chrono::duration<double> warm_up, std::chrono::duration<double> window);

  // Sends `count` requests and waits for all replies.
  LoadResult run_count(std::uint64_t count);

  // The number that the next request would get.
  std::uint64_t next_number() const { return next_number_; }

 private:
  struct Connection {
    UniqueFd socket;
    std::string input;
    std::string output;
    std::size_t output_sent = 0;
    bool waits_for_room = false;
  };

  void start(std::uint64_t limit);
  void turn();
  void receive(Connection& connection);
  void enqueue(Connection& connection, std::uint32_t requests);
  void send(Connection& connection);
  void watch(Connection& connection, bool for_room, int operation);

  LoadProtocol& protocol_;
  const std::uint32_t in_flight_;
  UniqueFd epoll_;
  std::vector<Connection> connections_;
  std::uint64_t next_number_;
  std::uint64_t number_limit_ = 0;  // requests are sent while next_number_ is below it
  std::uint64_t outstanding_ = 0;
  std::uint64_t completed_ = 0;
  std::vector<char> receive_buffer_;
};

}  // namespace outboxd::bench
