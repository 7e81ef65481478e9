#include "transport/ipc/input_buffer.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

namespace outboxd::transport {
namespace {

void put(InputBuffer& buffer, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto room = buffer.room();
    ASSERT_GT(room.size(), 0U);
    const std::size_t size = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), size);
    buffer.added(size);
    bytes.remove_prefix(size);
  }
}

TEST(InputBuffer, KeepsWhatArrivedUntilItIsConsumed) {
  InputBuffer buffer;
  EXPECT_EQ(buffer.unread(), "");
  put(buffer, "abc");
  put(buffer, "def");
  buffer.consume(2);
  EXPECT_EQ(buffer.unread(), "cdef");
}

TEST(InputBuffer, KeepsBytesInOrderHoweverPiecesAndConsumptionInterleave) {
  InputBuffer buffer;
  std::string expected;
  unsigned char next = 0;
  for (std::size_t step = 1; step < 2000; ++step) {
    std::string piece;
    for (std::size_t i = 0; i < step * 37 % 5000; ++i) piece.push_back(static_cast<char>(next++));
    put(buffer, piece);
    expected += piece;
    const std::size_t consumed = std::min(expected.size(), step * 53 % 5200);
    buffer.consume(consumed);
    expected.erase(0, consumed);
    ASSERT_EQ(buffer.unread(), expected);
  }
}

TEST(InputBuffer, GrowsForABigMessageAndIsSmallAgainAfterwards) {
  InputBuffer buffer;
  const std::size_t small = buffer.room().size();
  const std::string big(1 << 20, 'b');
  put(buffer, big);
  EXPECT_EQ(buffer.unread(), big);
  buffer.consume(big.size());
  EXPECT_EQ(buffer.room().size(), small);
}

TEST(InputBuffer, ReadsAheadOnlyOfClientsThatSendMoreThanItHadRoomFor) {
  InputBuffer buffer;
  const std::size_t small = buffer.room().size();
  buffer.added(10);
  buffer.consume(10);
  EXPECT_EQ(buffer.room().size(), small);
  buffer.added(small);
  buffer.consume(small);
  EXPECT_GT(buffer.room().size(), small);
}

}  // namespace
}  // namespace outboxd::transport
