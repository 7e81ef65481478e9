#include "storage/write_overlay.h"

#include <algorithm>
#include <functional>

namespace outboxd::storage {

WriteOverlay::WriteOverlay() : buckets_(256, kNone) {}

std::uint64_t WriteOverlay::hash_of(Family family, std::string_view key) {
  return std::hash<std::string_view>{}(key) + static_cast<std::uint64_t>(family);
}

void WriteOverlay::add(const Operation& operation, std::string_view batch) {
  if (slots_.size() == buckets_.size()) grow();
  const std::string_view key = batch.substr(operation.key_offset, operation.key_size);
  const std::uint64_t hash = hash_of(operation.family, key);
  std::uint32_t& newest = bucket(hash);
  slots_.push_back({operation, hash, newest});
  newest = static_cast<std::uint32_t>(slots_.size() - 1);
}

const WriteOverlay::Operation* WriteOverlay::find(Family family, std::string_view key,
                                                  std::string_view batch) const {
  if (slots_.empty()) return nullptr;
  const std::uint64_t hash = hash_of(family, key);
  std::uint32_t index = buckets_[hash & (buckets_.size() - 1)];
  while (index != kNone) {
    const Slot& slot = slots_[index];
    const Operation& operation = slot.operation;
    if (slot.hash == hash && operation.family == family &&
        batch.substr(operation.key_offset, operation.key_size) == key) {
      return &operation;
    }
    index = slot.older;
  }
  return nullptr;
}

void WriteOverlay::shrink_to(std::size_t size) {
  if (size == 0 && slots_.size() > buckets_.size() / 4) {
    std::fill(buckets_.begin(), buckets_.end(), kNone);
    slots_.clear();
    return;
  }
  while (slots_.size() > size) {
    bucket(slots_.back().hash) = slots_.back().older;
    slots_.pop_back();
  }
}

void WriteOverlay::grow() {
  buckets_.assign(buckets_.size() * 2, kNone);
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    std::uint32_t& newest = bucket(slots_[i].hash);
    slots_[i].older = newest;
    newest = i;
  }
}

}  // namespace outboxd::storage
