// Frames into ZeroMQ messages. For this folder's .cc files only.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <zmq.hpp>

namespace outboxd::transport {

// A message that takes the frame's memory over. Short ones are copied: ZeroMQ keeps them inside the
// message, without an allocation.
inline zmq::message_t to_message(std::string frame) {
  constexpr std::size_t kCopyUpTo = 512;
  if (frame.size() <= kCopyUpTo) return zmq::message_t(frame.data(), frame.size());
  auto owner = std::make_unique<std::string>(std::move(frame));
  zmq::message_t message(
      owner->data(), owner->size(),
      [](void*, void* hint) { delete static_cast<std::string*>(hint); }, owner.get());
  static_cast<void>(owner.release());  // the message's now
  return message;
}

inline std::string_view view_of(const zmq::message_t& message) {
  return {message.data<char>(), message.size()};
}

}  // namespace outboxd::transport
