#include "transport/msgpack/value.h"

#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <malloc.h>

#include "tests/support/sanitizers.h"
#include "transport/limits.h"
#include "transport/msgpack/writer.h"

namespace outboxd::transport {
namespace {

using domain::ErrorCode;

TEST(Value, ReadsEachKindAsItselfAndAsNothingElse) {
  std::string bytes;
  Writer(bytes).array(8).nil().boolean(true).integer(-7).floating(0.5);
  Writer(bytes).string("text").binary("data").array(0).map(1).field("k", "v");
  Document document;
  const auto root = document.decode(bytes);
  ASSERT_TRUE(root.ok());

  EXPECT_TRUE(root->at(0).is_nil());
  EXPECT_EQ(root->at(1).as_boolean(), true);
  EXPECT_EQ(root->at(2).as_integer(), -7);
  EXPECT_EQ(root->at(3).as_float(), 0.5);
  EXPECT_EQ(root->at(4).as_string(), "text");
  EXPECT_EQ(root->at(5).as_binary(), "data");
  EXPECT_EQ(root->at(6).kind(), Value::Kind::kArray);
  EXPECT_EQ(root->at(7).entry(0).first.as_string(), "k");
  EXPECT_EQ(root->at(7).entry(0).second.as_string(), "v");

  EXPECT_FALSE(root->at(0).as_boolean());
  EXPECT_FALSE(root->at(1).as_integer());
  EXPECT_FALSE(root->at(2).as_float());
  EXPECT_FALSE(root->at(3).as_integer());
  EXPECT_FALSE(root->at(4).as_binary());
  EXPECT_FALSE(root->at(5).as_string());
  EXPECT_EQ(root->at(4).size(), 0U);
}

TEST(Value, GivesIntegersOnlyWhereTheyFit) {
  constexpr auto kMax64 = std::numeric_limits<std::uint64_t>::max();
  std::string bytes;
  Writer(bytes).array(2).unsigned_integer(kMax64).integer(-1);
  Document document;
  const auto root = document.decode(bytes);
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->at(0).as_unsigned(), kMax64);
  EXPECT_FALSE(root->at(0).as_integer());
  EXPECT_EQ(root->at(1).as_integer(), -1);
  EXPECT_FALSE(root->at(1).as_unsigned());
}

TEST(Value, WithoutADocumentIsNil) {
  const Value value;
  EXPECT_TRUE(value.is_nil());
  EXPECT_EQ(value.size(), 0U);
  std::string out;
  value.encode_to(out);
  EXPECT_EQ(out, "\xC0");
}

TEST(Value, EncodesToTheBytesItCameFrom) {
  std::string bytes;
  Writer(bytes).array(9).nil().boolean(false).integer(-70000).floating(2.25);
  Writer(bytes).raw(std::string_view("\xCA\x3F\x00\x00\x00", 5));  // float 32: 0.5
  Writer(bytes).string(std::string(40, 's')).binary("b");
  Writer(bytes).map(1).field("k", std::int64_t{1}).array(0);
  Document document;
  const auto root = document.decode(bytes);
  ASSERT_TRUE(root.ok()) << root.error().message;
  EXPECT_EQ(root->at(4).as_float(), 0.5);
  std::string again;
  root->encode_to(again);
  EXPECT_EQ(again, bytes);
}

TEST(Value, AskedBeyondItsSizeIsABug) {
  Document document;
  const auto root = document.decode("\x91\x01");
  ASSERT_TRUE(root.ok());
  EXPECT_DEATH(static_cast<void>(root->at(1)), "CHECK failed");
  EXPECT_DEATH(static_cast<void>(root->entry(0)), "CHECK failed");
}

TEST(Document, KeepsStringsWhereTheyAre) {
  const std::string bytes = "\xA4text";
  Document document;
  const auto root = document.decode(bytes);
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->as_string()->data(), bytes.data() + 1);
}

TEST(Document, DecodesAgainAndAgain) {
  Document document;
  for (int i = 0; i < 1000; ++i) {
    std::string bytes;
    Writer(bytes).array(100);
    for (int j = 0; j < 100; ++j) Writer(bytes).integer(i);
    const auto root = document.decode(bytes);
    ASSERT_TRUE(root.ok());
    ASSERT_EQ(root->at(99).as_integer(), i);
  }
}

TEST(Document, RefusesWhatIsCutOffOrGoesOnOrIsNoMessagePack) {
  Document document;
  for (const std::string_view bytes : {"", "\x92\x01", "\xA4tex", "\x01\x02", "\xC1", "\x91\xC1"}) {
    const auto root = document.decode(bytes);
    ASSERT_FALSE(root.ok());
    EXPECT_EQ(root.error().code, ErrorCode::kBadRequest);
  }
}

TEST(Document, DecodesNestingToTheLimitAndNotBeyond) {
  Document document;
  EXPECT_TRUE(document.decode(std::string(kMaxDepth, '\x91') + '\x01').ok());
  const auto deeper = document.decode(std::string(kMaxDepth + 1, '\x91') + '\x01');
  ASSERT_FALSE(deeper.ok());
  EXPECT_EQ(deeper.error().code, ErrorCode::kTooLarge);
}

TEST(Document, DecodesArraysAndMapsToTheirLimitsAndNotBeyond) {
  Document document;
  for (const std::size_t beyond : {std::size_t{0}, std::size_t{1}}) {
    std::string array;
    Writer(array).array(kMaxArrayEntries + beyond);
    array.append(kMaxArrayEntries + beyond, '\x01');
    EXPECT_EQ(document.decode(array).ok(), beyond == 0);
    std::string map;
    Writer(map).map(kMaxMapEntries + beyond);
    map.append(2 * (kMaxMapEntries + beyond), '\x01');
    const auto root = document.decode(map);
    EXPECT_EQ(root.ok(), beyond == 0);
    if (!root) {
      EXPECT_EQ(root.error().code, ErrorCode::kTooLarge);
    }
  }
}

TEST(Document, SaysThatExtensionTypesAreNotSupported) {
  Document document;
  const auto root = document.decode(std::string_view("\xD4\x01\x02", 3));
  ASSERT_FALSE(root.ok());
  EXPECT_EQ(root.error().message, "MessagePack extension types are not supported");
}

std::size_t heap_bytes_in_use() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

// What a few bytes claim must not be believed before the entries are there: unprotected, the first
// takes 4 GB, and the nested ones take 3 MB at each level even with limits on the counts.
TEST(Document, TakesNoMemoryForEntriesThatAreNotThere) {
  std::string nested;
  for (std::size_t depth = 0; depth < kMaxDepth; ++depth) Writer(nested).array(kMaxArrayEntries);
  const std::string bombs[] = {
      "\xDD\xFF\xFF\xFF\xFF", "\xDF\xFF\xFF\xFF\xFF", "\xDB\xFF\xFF\xFF\xFF",
      "\xC6\xFF\xFF\xFF\xFF", "\xC9\xFF\xFF\xFF\xFF", nested,
  };
  Document document;
  static_cast<void>(document.decode("\x01"));
  for (const std::string& bomb : bombs) {
    const std::size_t before = heap_bytes_in_use();
    const auto root = document.decode(bomb);
    EXPECT_FALSE(root.ok());
    if (!support::kMemoryIsSanitized) {  // such a heap is limited instead, by the sanitizer
      EXPECT_LT(heap_bytes_in_use(), before + 4096);
    }
  }
}

TEST(Document, NamesEveryKindForErrorMessages) {
  EXPECT_EQ(name_of(Value::Kind::kNil), "nil");
  EXPECT_EQ(name_of(Value::Kind::kMap), "a map");
  EXPECT_EQ(name_of(Value::Kind::kExtension), "an extension type");
}

}  // namespace
}  // namespace outboxd::transport
