// Which events a topic need not keep any more.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "broker/embedded/catalog.h"

namespace outboxd::broker {

// How long events are kept, in the broker's running time. Nothing: for ever.
struct RetentionOptions {
  std::optional<std::int64_t> events_ms = std::int64_t{24} * 3600 * 1000;  // that are consumed
  std::optional<std::int64_t> dead_ms = std::int64_t{7} * 24 * 3600 * 1000;

  // How often to look: every second, or as often as there are marks.
  [[nodiscard]] std::int64_t check_every_ms() const;

  [[nodiscard]] std::optional<std::int64_t> of(const Topic& topic) const {
    return topic.is_dead ? dead_ms : events_ms;
  }
};

// Ages are known by marks, of which a topic has this many within its retention: an event is kept
// for up to 1/64 longer than it must be.
inline constexpr std::int64_t kMarksPerRetention = 64;

// The mark that `topic` needs now, or nothing.
std::optional<AgeMark> due_mark(const Topic& topic, const RetentionOptions& options,
                                std::int64_t elapsed_ms);

// Everything of `topic` below the result is old enough to go. 0: nothing is.
Offset old_enough(const Topic& topic, const RetentionOptions& options, std::int64_t elapsed_ms);

// The first offset of each topic that is retained, durably. Any thread.
class RetainedOffsets {
 public:
  void raise(std::uint32_t topic_id, Offset first);
  [[nodiscard]] std::map<std::uint32_t, Offset> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::uint32_t, Offset> first_;
};

}  // namespace outboxd::broker
