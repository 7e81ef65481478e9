// What a group has written, looked up by key: the memory by which reads see what is not durable
// yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/families.h"

namespace outboxd::storage {

// A hash table over the operations of one batch. It holds positions in the batch's bytes, no bytes
// of its own, and chains newest first; so a lookup finds the last write of a key, and undoing means
// unlinking operations in reverse order.
//
// Not thread-safe, but lookups do not conflict with RocksDB's writing of the batch, which touches
// the first bytes of its header only.
class WriteOverlay {
 public:
  // Where the bytes of an operation are in the batch.
  struct Operation {
    Family family = Family::kMeta;
    bool removed = false;
    std::uint32_t key_offset = 0;
    std::uint32_t key_size = 0;
    std::uint32_t value_offset = 0;
    std::uint32_t value_size = 0;
  };

  WriteOverlay();

  // Adds the newest operation; `batch` are the bytes that it is in.
  void add(const Operation& operation, std::string_view batch);

  // The newest operation on `key`, or nothing.
  [[nodiscard]] const Operation* find(Family family, std::string_view key,
                                      std::string_view batch) const;

  [[nodiscard]] std::size_t size() const { return slots_.size(); }

  // Forgets all but the first `size` operations.
  void shrink_to(std::size_t size);

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;

  struct Slot {
    Operation operation;
    std::uint64_t hash = 0;
    std::uint32_t older = kNone;  // next in the bucket's chain
  };

  static std::uint64_t hash_of(Family family, std::string_view key);
  std::uint32_t& bucket(std::uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  void grow();

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> buckets_;  // newest slot of each chain; a power of two of them
};

}  // namespace outboxd::storage
