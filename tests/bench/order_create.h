// MessagePack-RPC requests `order.create` as prepared bytes, and their replies as a count.
#pragma once

#include <cstdint>
#include <string>

#include "tests/bench/load_loop.h"
#include "tests/bench/sample_order.h"

namespace outboxd::bench {

class OrderCreateProtocol : public LoadProtocol {
 public:
  OrderCreateProtocol();

  void append_request(std::uint64_t number, std::string& out) override;
  Replies count_replies(const char* data, std::size_t size) override;

 private:
  NumberedText request_;
};

// The end of the MessagePack value that starts at `begin`, or null if it is not all there.
const char* end_of_value(const char* begin, const char* end);

}  // namespace outboxd::bench
