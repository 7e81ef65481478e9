#include "broker/embedded/retention.h"

#include <algorithm>

namespace outboxd::broker {
std::int64_t RetentionOptions::check_every_ms() const {
  constexpr std::int64_t kSecond = 1000;
  const std::int64_t shortest_ms = std::min(events_ms.value_or(kSecond * kMarksPerRetention),
                                            dead_ms.value_or(kSecond * kMarksPerRetention));
  return std::clamp<std::int64_t>(shortest_ms / kMarksPerRetention, 1, kSecond);
}

std::optional<AgeMark> due_mark(const Topic& topic, const RetentionOptions& options,
                                std::int64_t elapsed_ms) {
  const std::optional<std::int64_t> keep_ms = options.of(topic);
  if (!keep_ms) return std::nullopt;
  const Offset marked = topic.marks.empty() ? topic.first_offset : topic.marks.back().offset;
  if (topic.next_offset <= marked) return std::nullopt;
  const std::int64_t interval_ms = std::max<std::int64_t>(*keep_ms / kMarksPerRetention, 1);
  if (!topic.marks.empty() && elapsed_ms - topic.marks.back().elapsed_ms < interval_ms) {
    return std::nullopt;
  }
  return AgeMark{topic.next_offset, elapsed_ms};
}

Offset old_enough(const Topic& topic, const RetentionOptions& options, std::int64_t elapsed_ms) {
  const std::optional<std::int64_t> keep_ms = options.of(topic);
  Offset below = 0;
  if (!keep_ms) return below;
  for (const AgeMark& mark : topic.marks) {
    if (elapsed_ms - mark.elapsed_ms < *keep_ms) break;
    below = mark.offset;
  }
  return below;
}

void RetainedOffsets::raise(std::uint32_t topic_id, Offset first) {
  const std::lock_guard lock(mutex_);
  Offset& known = first_[topic_id];
  known = std::max(known, first);
}

std::map<std::uint32_t, Offset> RetainedOffsets::all() const {
  const std::lock_guard lock(mutex_);
  return first_;
}

}  // namespace outboxd::broker
