#include "broker/embedded/format.h"

#include <gtest/gtest.h>

namespace outboxd::broker {
namespace {

template <std::size_t kSize>
std::string text(const std::array<char, kSize>& bytes) {
  return {bytes.data(), bytes.size()};
}

TEST(BrokerFormatTest, RecordsHaveTheBytesOfTheGrammar) {
  EXPECT_EQ(encode_producer_key("shop-1"), "pshop-1");
  EXPECT_EQ(encode_topic_key("orders"), "torders");
  using namespace std::string_literals;
  EXPECT_EQ(encode_producer_record({1, 2, 3, 4, "ab"}),
            "\x01\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x04\x02"
            "ab"s);
  EXPECT_EQ(encode_history_record("0123456789abcdef0123456789abcdef"),
            "\x01"
            "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(encode_topic_record({0x01020304, 5, 6}),
            "\x01\x01\x02\x03\x04\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x06"s);
  EXPECT_EQ(text(encode_log_key({1, 0x0102})), "\0\0\0\x01\0\0\0\0\0\0\x01\x02"s);
  EXPECT_EQ(text(encode_log_header({5, 6})), "\x01\0\0\0\x05\0\0\0\0\0\0\0\x06"s);
}

TEST(BrokerFormatTest, WhatWasEncodedIsDecoded) {
  const ProducerRecord producer{7, ~std::uint64_t{0}, 1ULL << 40, 5, "a store"};
  EXPECT_EQ(decode_producer_record(encode_producer_record(producer)), producer);
  EXPECT_EQ(decode_topic_record(encode_topic_record({~std::uint32_t{0}, 7, ~Offset{0}})),
            (TopicRecord{~std::uint32_t{0}, 7, ~Offset{0}}));
  const LogKey key{9, 1ULL << 63};
  EXPECT_EQ(decode_log_key(text(encode_log_key(key))), key);
  const std::string record = text(encode_log_header({3, 4})) + "envelope";
  ASSERT_TRUE(decode_log_record(record));
  EXPECT_EQ(decode_log_record(record)->header, (LogHeader{3, 4}));
  EXPECT_EQ(decode_log_record(record)->envelope, "envelope");
}

TEST(BrokerFormatTest, KeysSortAsTheirNumbersDo) {
  EXPECT_LT(text(encode_log_key({1, 255})), text(encode_log_key({1, 256})));
  EXPECT_LT(text(encode_log_key({1, ~Offset{0}})), text(encode_log_key({2, 0})));
}

TEST(BrokerFormatTest, ShortBytesAndOtherVersionsAreNoRecords) {
  const std::string producer = encode_producer_record({1, 2, 3});
  const std::string log = text(encode_log_header({1, 2}));
  constexpr std::size_t kOfTheReleaseBefore = 21;
  for (std::size_t length = 0; length < producer.size(); ++length) {
    if (length == kOfTheReleaseBefore) continue;
    EXPECT_FALSE(decode_producer_record(producer.substr(0, length))) << length;
  }
  EXPECT_EQ(decode_producer_record(producer.substr(0, kOfTheReleaseBefore)),
            (ProducerRecord{1, 2, 3}));
  for (std::size_t length = 0; length < log.size(); ++length) {
    EXPECT_FALSE(decode_log_record(log.substr(0, length))) << length;
  }
  EXPECT_FALSE(decode_topic_record("\x01\x01\x02\x03"));
  EXPECT_FALSE(decode_log_key("short"));
  EXPECT_FALSE(decode_producer_record("\x02" + producer.substr(1)));
  EXPECT_FALSE(decode_log_record("\x02" + log.substr(1)));
}

TEST(BrokerFormatTest, FieldsThatALaterReleaseAppendedAreSkipped) {
  EXPECT_EQ(decode_producer_record(encode_producer_record({1, 2, 3}) + "more"),
            (ProducerRecord{1, 2, 3}));
  EXPECT_EQ(decode_topic_record(encode_topic_record({8, 1, 1}) + "more"), (TopicRecord{8, 1, 1}));
}

TEST(BrokerFormatTest, ReadsTheTopicsOfTheFirstRelease) {
  using namespace std::string_literals;
  EXPECT_EQ(decode_topic_record("\x01\0\0\0\x09"s), (TopicRecord{9, 1, 1}));
}

}  // namespace
}  // namespace outboxd::broker
