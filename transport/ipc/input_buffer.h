// What has arrived on a connection and is not used up.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace outboxd::transport {

// Contiguous, so that a message can be decoded where it lies. Small while little arrives (there may
// be a thousand of them), growing with what really came, small again afterwards. Not thread-safe.
class InputBuffer {
 public:
  [[nodiscard]] std::string_view unread() const { return {bytes_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t size) { begin_ += size; }

  // Where to read into; invalidates what unread() gave. Moves bytes at most in proportion to what
  // was consumed or added.
  std::span<char> room();
  // `size` bytes were put into the last room().
  void added(std::size_t size);

 private:
  void reallocate(std::size_t capacity);

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool filled_ = false;  // the last read found more than it had room for
};

}  // namespace outboxd::transport
