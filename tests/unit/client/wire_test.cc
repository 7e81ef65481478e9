#include "client/wire.h"

#include <string>

#include <gtest/gtest.h>

#include "transport/limits.h"

namespace outboxd::client {
namespace {

Json decoded(const std::string& bytes) {
  MessageReader reader;
  reader.feed(bytes);
  auto message = reader.next();
  OUTBOXD_CHECK(message.ok() && message->has_value());
  return **message;
}

Json nested(std::size_t levels) {
  Json value = 1;
  for (std::size_t i = 0; i < levels; ++i) {
    Json outer = Json::array();
    outer.push_back(std::move(value));
    value = std::move(outer);
  }
  return value;
}

TEST(Wire, EveryJsonValueComesBackAsItWas) {
  const Json value = Json::parse(
      R"({"z":null,"a":[true,false,0,-1,1.5,9223372036854775807,-9223372036854775808,
          18446744073709551615],"text":"Straße","empty":{},"none":[]})");
  std::string bytes;
  ASSERT_TRUE(encode(value, bytes).ok());
  EXPECT_EQ(decoded(bytes), value);
  EXPECT_EQ(decoded(bytes).dump(), value.dump()) << "the order of the keys is kept";
}

TEST(Wire, ABinaryIsShownAsBase64) {
  EXPECT_EQ(decoded(std::string("\xC4\x04\x00\x01\xFE\xFF", 6)), Json({{"base64", "AAH+/w=="}}));
  EXPECT_EQ(decoded("\xC4\x03xyz"), Json({{"base64", "eHl6"}}));
}

TEST(Wire, AKeyThatIsNoStringIsShownAsItsText) {
  EXPECT_EQ(decoded(std::string("\x81\x07\xA1v", 4)).dump(), R"({"7":"v"})");
}

TEST(Wire, ValuesAreEncodedUpToTheDepthThatTheDaemonTakesAndNoDeeper) {
  std::string bytes = "before";
  EXPECT_TRUE(encode(nested(transport::kMaxDepth), bytes).ok());
  bytes = "before";
  const Status too_deep = encode(nested(transport::kMaxDepth + 1), bytes);
  ASSERT_FALSE(too_deep.ok());
  EXPECT_EQ(too_deep.error().code, "bad_request");
  EXPECT_EQ(bytes, "before");
}

TEST(Wire, MessagesAreFoundHoweverTheirBytesAreCut) {
  std::string bytes;
  ASSERT_TRUE(encode(Json::array({1, 2, "three"}), bytes).ok());
  ASSERT_TRUE(encode(Json::array({4}), bytes).ok());
  MessageReader reader;
  std::string found;
  for (const char byte : bytes) {
    reader.feed({&byte, 1});
    for (auto next = reader.next(); next->has_value(); next = reader.next()) {
      found += (*next)->dump();
    }
  }
  EXPECT_EQ(found, R"([1,2,"three"][4])");
}

TEST(Wire, AMessageThatNeverEndsIsGivenUp) {
  MessageReader reader;
  // A string of 8 MiB is announced inside an array of many; none of them is too large by itself.
  std::string bytes("\xDC\x10\x00", 3);
  reader.feed(bytes);
  const std::string text = std::string("\xDB\x00\x10\x00\x00", 5) + std::string(1 << 20, 'x');
  bool given_up = false;
  for (int i = 0; i < 16 && !given_up; ++i) {
    reader.feed(text);
    given_up = !reader.next().ok();
  }
  EXPECT_TRUE(given_up);
}

}  // namespace
}  // namespace outboxd::client
