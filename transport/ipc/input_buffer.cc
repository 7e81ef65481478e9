#include "transport/ipc/input_buffer.h"

#include <cstring>

namespace outboxd::transport {
namespace {

constexpr std::size_t kSmall = 4 << 10;   // enough for a client that waits for its replies
constexpr std::size_t kLarge = 64 << 10;  // read ahead of a client that sends in bulk
constexpr std::size_t kMinRoom = 1 << 10;

}  // namespace

std::span<char> InputBuffer::room() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (capacity_ > kLarge) {
      reallocate(kSmall);
      filled_ = false;
    }
  }
  if (capacity_ == 0) reallocate(kSmall);
  if (filled_ && capacity_ < kLarge) {
    reallocate(2 * capacity_);
  } else if (capacity_ - end_ < kMinRoom) {
    if (begin_ >= capacity_ / 2) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    } else {
      reallocate(2 * capacity_);
    }
  }
  return {bytes_.get() + end_, capacity_ - end_};
}

void InputBuffer::added(std::size_t size) {
  end_ += size;
  filled_ = end_ == capacity_;
}

void InputBuffer::reallocate(std::size_t capacity) {
  auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
  if (end_ > begin_) std::memcpy(bytes.get(), bytes_.get() + begin_, end_ - begin_);
  bytes_ = std::move(bytes);
  capacity_ = capacity;
  end_ -= begin_;
  begin_ = 0;
}

}  // namespace outboxd::transport
