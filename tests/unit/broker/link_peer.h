// A producer's end of the link, frame by frame, for tests that say exactly what is sent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "transport/link/frame_codec.h"

namespace outboxd::broker {

// An encoded event of topic `topic`.
std::string envelope(std::string_view topic, std::string_view data = "data");

// One connection. Failures of the machinery, and answers that do not come, throw
// std::runtime_error.
class LinkPeer {
 public:
  explicit LinkPeer(const std::string& endpoint);
  ~LinkPeer();
  LinkPeer(const LinkPeer&) = delete;
  LinkPeer& operator=(const LinkPeer&) = delete;

  void send(const std::string& frame);

  // HELLO with a next_seq that allows for anything.
  void hello(std::string_view producer, std::uint64_t epoch);

  // PUBLISH; an empty envelope is a withdrawal.
  void publish(domain::Seq first_seq, const std::vector<std::string>& envelopes);

  // The next frame, whose views live until the next call.
  transport::Frame receive();

  // The next frame, which must be of that type.
  template <typename T>
  T expect() {
    transport::Frame frame = receive();
    if (auto* expected = std::get_if<T>(&frame)) return *expected;
    unexpected(frame);
  }

  // Receives ACKs up to one of `seq`; there may be some before it.
  void expect_ack(domain::Seq seq);

 private:
  [[noreturn]] static void unexpected(const transport::Frame& frame);

  void* context_;
  void* socket_;
  std::string received_;
  transport::Document document_;
};

}  // namespace outboxd::broker
