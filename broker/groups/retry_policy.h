// What a group does about an event that its consumers could not process.
#pragma once

#include <cstdint>
#include <optional>

namespace outboxd::broker {

// Constant for the life of a group. Times are milliseconds of service time.
struct RetryPolicy {
  std::uint32_t max_retries = 3;  // after the first attempt; past them the event dies
  std::int64_t backoff_base_ms = 1'000;
  std::int64_t backoff_max_ms = 60'000;

  // How long after its first delivery an event may still be delivered again; nothing: for ever. An
  // event that brings a time to live of its own is held to that.
  std::optional<std::int64_t> message_ttl_ms = 600'000;

  // The wait after the `attempts`th failed attempt (from 1 on): the base, doubled with each, up to
  // the maximum, and then ±20 % by `random` (any 64 bits), so that what failed together does not
  // come back together.
  [[nodiscard]] std::int64_t backoff_ms(std::uint32_t attempts, std::uint64_t random) const;

  // True when an event that failed `attempts` times is not to be delivered any more.
  [[nodiscard]] bool exhausted(std::uint32_t attempts) const { return attempts > max_retries; }
};

}  // namespace outboxd::broker
