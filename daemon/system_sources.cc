#include "daemon/system_sources.h"

#include <ctime>

#include <sys/random.h>

#include "domain/check.h"

namespace outboxd::daemon {
namespace {

std::int64_t read_ms(clockid_t clock) {
  timespec now{};
  OUTBOXD_CHECK(::clock_gettime(clock, &now) == 0);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

domain::TimestampMs SystemClock::wall_ms() const {
  return read_ms(CLOCK_REALTIME);
}

std::int64_t SystemClock::monotonic_ms() const {
  return read_ms(CLOCK_BOOTTIME);
}

std::string RandomIds::next() {
  unsigned char random[16];
  // Up to 256 bytes are given whole once the kernel's generator is seeded (getrandom(2)).
  OUTBOXD_CHECK(::getrandom(random, sizeof random, 0) == sizeof random);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * sizeof random);
  for (const unsigned char byte : random) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

}  // namespace outboxd::daemon
