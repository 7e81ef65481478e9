// Buyers who want the same seats at once, and remember what they were told.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/e2e/appliance.h"

namespace outboxd::e2e {

// A hold that a buyer was granted, and the last status of it that the buyer was told.
struct Hold {
  std::string reservation_id;
  std::string user_id;
  std::string item_id;
  std::int64_t price_points = 0;
  std::string status;     // PAID, CANCELLED, or HELD: the buyer walked away
  std::uint64_t seq = 0;  // of the event of that status
};

// What the buyers were told until the end.
struct Sales {
  std::vector<Hold> holds;
  std::map<std::string, std::int64_t> deposited;  // by user
};

// Each buyer has a thread, a connection and one request in flight: several rush to each seat, who
// gets it pays, cancels or walks away, and fetches as many points as the daemon says are missing.
// Several buyers share a user, and so a wallet. A request whose outcome is unknown is sent again
// with the same ids until it is answered, so that in the end every outcome is known.
//
// Thread contract: the methods are for the thread that made it.
class Buyers {
 public:
  Buyers(std::string socket, std::size_t buyers);
  ~Buyers();
  Buyers(const Buyers&) = delete;
  Buyers& operator=(const Buyers&) = delete;

  // Waits until the buyers together paid for `count` more seats. Throws when one of them was told
  // what must not happen.
  void wait_for_sales(std::size_t count);

  // Buyers who lost their connection wait for this.
  void daemon_is_back();

  // Sends the buyers home once they know the outcome of what they sent. Throws as wait_for_sales.
  Sales finish();

 private:
  class Buyer;  // on its thread

  // Nothing when the buyers are to go home.
  std::optional<std::uint64_t> generation();
  // Until the daemon's process is not that of `generation`. False when it does not come back.
  bool wait_for_daemon(std::uint64_t generation);
  void note(Hold hold);
  void note_deposit(const std::string& user_id, std::int64_t points);
  void give_up(const std::string& problem);
  bool is_over();
  void stop();

  const std::string socket_;
  std::atomic<std::uint64_t> tickets_{0};  // every wish for a seat has one

  std::mutex mutex_;
  std::condition_variable changed_;
  // Under mutex_.
  Sales sales_;
  std::size_t sold_ = 0;
  std::uint64_t generation_ = 0;  // of the daemon's process
  std::string problem_;
  bool stopping_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace outboxd::e2e
