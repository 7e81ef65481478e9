// How many deliveries the payments module asks for at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace outboxd::daemon {

// Follows the pace at which deliveries are done with, so that what waits here is between a tenth of
// a second's and a second's work: enough that gateway, disk and broker never wait for each other,
// and not more, for what this process has when it dies counts one attempt (G11), and what waits
// behind a gateway that is stuck gets old. Credits are counted in rounds of as many deliveries as
// the credit is: one that is over sooner quadruples it, one that takes longer quarters it. A pause
// looks like a slow gateway; the credit is back after a few quick rounds.
//
// Not thread-safe.
class CreditPacer {
 public:
  static constexpr std::int64_t kShortRoundMs = 100;
  static constexpr std::int64_t kLongRoundMs = 1'000;

  // The credit stays between `least`, where it begins, and `most`.
  CreditPacer(std::size_t least, std::size_t most) : least_(least), most_(most), credit_(least) {}

  [[nodiscard]] std::size_t credit() const { return credit_; }

  // A delivery is done with. `now_ms` is monotonic. True when the credit has changed.
  bool done(std::int64_t now_ms);

 private:
  bool begin_round(std::int64_t now_ms, std::size_t credit);

  const std::size_t least_;
  const std::size_t most_;
  std::size_t credit_;
  std::optional<std::int64_t> began_ms_;  // the round; nothing: with the next that is done
  std::size_t done_ = 0;                  // in this round
};

}  // namespace outboxd::daemon
