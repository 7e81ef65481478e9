// What the payments module counts.
#pragma once

#include <cstdint>

namespace outboxd::daemon {

struct PaymentCounters {
  std::uint64_t approved = 0;       // charges
  std::uint64_t declined = 0;       // charges
  std::uint64_t unavailable = 0;    // charges and refunds that are to be tried again
  std::uint64_t dead_lettered = 0;  // payments that failed because nobody could be asked
  std::uint64_t refunded = 0;
  std::uint64_t booked = 0;  // reservations, which were paid already
  std::uint64_t refunds_declined = 0;
};

}  // namespace outboxd::daemon
