#include "transport/msgpack/writer.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "transport/msgpack/value.h"

namespace outboxd::transport {
namespace {

using Limits32 = std::numeric_limits<std::int32_t>;
using Limits64 = std::numeric_limits<std::int64_t>;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string integer_bytes(std::int64_t value) {
  std::string out;
  Writer(out).integer(value);
  return hex(out);
}

TEST(Writer, GivesEachIntegerItsShortestForm) {
  EXPECT_EQ(integer_bytes(0), "00");
  EXPECT_EQ(integer_bytes(127), "7f");
  EXPECT_EQ(integer_bytes(128), "cc80");
  EXPECT_EQ(integer_bytes(255), "ccff");
  EXPECT_EQ(integer_bytes(256), "cd0100");
  EXPECT_EQ(integer_bytes(65535), "cdffff");
  EXPECT_EQ(integer_bytes(65536), "ce00010000");
  EXPECT_EQ(integer_bytes(4294967296), "cf0000000100000000");
  EXPECT_EQ(integer_bytes(-1), "ff");
  EXPECT_EQ(integer_bytes(-32), "e0");
  EXPECT_EQ(integer_bytes(-33), "d0df");
  EXPECT_EQ(integer_bytes(-129), "d1ff7f");
  EXPECT_EQ(integer_bytes(-32769), "d2ffff7fff");
  EXPECT_EQ(integer_bytes(Limits32::min() - std::int64_t{1}), "d3ffffffff7fffffff");
  EXPECT_EQ(integer_bytes(Limits64::min()), "d38000000000000000");
}

TEST(Writer, WritesTheFixedFormsOfTheSpecification) {
  std::string out;
  Writer(out).nil().boolean(false).boolean(true).floating(1.5);
  EXPECT_EQ(hex(out), "c0c2c3cb3ff8000000000000");
}

TEST(Writer, WritesFieldsOfEveryType) {
  std::string out;
  Writer(out)
      .map(4)
      .field("a", "b")
      .field("c", std::int64_t{-1})
      .field("d", std::uint64_t{1})
      .field("e", true);
  EXPECT_EQ(hex(out), "84a161a162a163ffa16401a165c3");
}

TEST(Writer, PutsEncodedValuesInUnchanged) {
  std::string out;
  Writer(out).array(2).raw("\x01").raw("\xc0");
  EXPECT_EQ(hex(out), "9201c0");
}

// Lengths on both sides of each change of format.
class WriterLengths : public testing::TestWithParam<std::size_t> {};

TEST_P(WriterLengths, StringsAndBinariesDecodeToWhatWasWritten) {
  const std::string text(GetParam(), 'x');
  std::string out;
  Writer(out).array(2).string(text).binary(text);
  Document document;
  const auto value = document.decode(out);
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value->at(0).as_string(), text);
  EXPECT_EQ(value->at(1).as_binary(), text);
}

TEST_P(WriterLengths, ArraysAndMapsDecodeToWhatWasWritten) {
  const std::size_t entries = GetParam();
  std::string out;
  Writer writer(out);
  writer.array(2).array(entries);
  for (std::size_t i = 0; i < entries; ++i) writer.unsigned_integer(i);
  const std::size_t pairs = entries / 2;  // a map may have half as many entries as an array
  writer.map(pairs);
  for (std::size_t i = 0; i < pairs; ++i) writer.unsigned_integer(i).nil();
  Document document;
  const auto value = document.decode(out);
  ASSERT_TRUE(value.ok()) << value.error().message;
  ASSERT_EQ(value->at(0).size(), entries);
  ASSERT_EQ(value->at(1).size(), pairs);
  if (entries > 0) {
    EXPECT_EQ(value->at(0).at(entries - 1).as_unsigned(), entries - 1);
  }
  if (pairs > 0) {
    EXPECT_EQ(value->at(1).entry(pairs - 1).first.as_unsigned(), pairs - 1);
  }
}

INSTANTIATE_TEST_SUITE_P(AroundEachFormat, WriterLengths,
                         testing::Values(0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536, 131072));

}  // namespace
}  // namespace outboxd::transport
