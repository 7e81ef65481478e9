#include "broker/groups/retry_policy.h"

#include <algorithm>

#include "domain/check.h"

namespace outboxd::broker {

std::int64_t RetryPolicy::backoff_ms(std::uint32_t attempts, std::uint64_t random) const {
  OUTBOXD_CHECK(attempts > 0);
  std::int64_t wait_ms = std::clamp<std::int64_t>(backoff_base_ms, 1, backoff_max_ms);
  for (std::uint32_t i = 1; i < attempts && wait_ms < backoff_max_ms; ++i) {
    wait_ms = wait_ms > backoff_max_ms / 2 ? backoff_max_ms : wait_ms * 2;
  }
  const std::int64_t spread_ms = wait_ms / 5;
  const auto choices = static_cast<std::uint64_t>(2 * spread_ms + 1);
  return wait_ms - spread_ms + static_cast<std::int64_t>(random % choices);
}

}  // namespace outboxd::broker
