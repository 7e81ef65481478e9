// Frames into ZeroMQ messages, and waiting for them. For this folder's .cc files only.
#pragma once

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
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

// Waits until one of `items` is ready or `timeout_ms` (-1: for ever) is over. ZeroMQ looks at its
// sockets' events itself here, so that the edges of ZMQ_FD cannot be missed. An interruption is an
// early end.
template <std::size_t N>
void wait_for(std::array<zmq_pollitem_t, N>& items, std::int64_t timeout_ms) {
  if (zmq_poll(items.data(), static_cast<int>(N), static_cast<long>(timeout_ms)) >= 0) return;
  if (errno != EINTR) throw zmq::error_t();
  for (zmq_pollitem_t& item : items) item.revents = 0;
}

// Signals are for the thread that waits for them, never for a socket's.
inline void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace outboxd::transport
