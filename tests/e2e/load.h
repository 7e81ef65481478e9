// Clients that write as fast as they are answered, and remember what they were told.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/appliance.h"

namespace outboxd::e2e {

// An OK that a client got.
struct Told {
  std::string id;
  std::string method;
  Json request;
  std::uint64_t seq = 0;
};

// Each client has a thread, a connection and one request in flight: orders, and transactions that
// count one key of the client's own up by compare-and-set. A request whose outcome is unknown is
// sent again with the same id until it is answered, so that in the end every outcome is known.
//
// Thread contract: the methods are for the thread that made it.
class Load {
 public:
  Load(std::string socket, std::size_t clients);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Waits until the clients together got `count` more answers. Throws when one was refused.
  void wait_for_answers(std::uint64_t count);

  // Clients that lost their connection wait for this.
  void daemon_is_back();

  // The highest sequence number that a client was told.
  std::uint64_t highest_seq();

  // Ends the clients once they know the outcome of what they sent; returns what they were told,
  // each client's in its order. Throws when one was refused.
  std::vector<Told> finish();

 private:
  void work(std::size_t number);
  std::optional<Json> answer_to(const Told& change, std::optional<Client>& client);
  bool wait_for_daemon(std::uint64_t generation);
  void note(Told change);
  void give_up(const std::string& problem);
  void stop();

  const std::string socket_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_.
  std::vector<Told> told_;
  std::uint64_t highest_seq_ = 0;
  std::uint64_t generation_ = 0;  // of the daemon's process
  std::string problem_;
  bool stopping_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace outboxd::e2e
