#include "daemon/random_ids.h"

#include <sys/random.h>

#include "domain/check.h"

namespace outboxd::daemon {

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
