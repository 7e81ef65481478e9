#include "transport/msgpack/scanner.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "transport/msgpack/writer.h"

namespace outboxd::transport {
namespace {

constexpr std::size_t kLimit = 1 << 20;

ScanResult scan_whole(std::string_view bytes, std::size_t limit = kLimit) {
  return Scanner(limit).scan(bytes);
}

std::string bytes_of(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text.push_back(static_cast<char>(byte));
  return text;
}

// One value of each format of MessagePack, with its payload.
std::vector<std::string> one_of_each_format() {
  std::vector<std::string> values;
  for (const int single : {0x00, 0x7F, 0x80, 0x90, 0xA0, 0xC0, 0xC2, 0xC3, 0xE0, 0xFF}) {
    values.push_back(bytes_of({single}));
  }
  const auto add = [&](std::initializer_list<int> header, std::size_t payload) {
    values.push_back(bytes_of(header) + std::string(payload, '\x01'));
  };
  add({0xBF}, 31);                     // fixstr
  add({0xC4, 3}, 3);                   // bin 8
  add({0xC5, 1, 0}, 256);              // bin 16
  add({0xC6, 0, 1, 0, 0}, 65536);      // bin 32
  add({0xC7, 3}, 1 + 3);               // ext 8
  add({0xC8, 1, 0}, 1 + 256);          // ext 16
  add({0xC9, 0, 1, 0, 0}, 1 + 65536);  // ext 32
  add({0xCA}, 4);                      // float 32
  add({0xCB}, 8);                      // float 64
  for (int i = 0; i < 4; ++i) {        // uint and int of 8, 16, 32, 64 bits
    add({0xCC + i}, std::size_t{1} << i);
    add({0xD0 + i}, std::size_t{1} << i);
  }
  for (int i = 0; i < 5; ++i) add({0xD4 + i}, 1 + (std::size_t{1} << i));  // fixext
  add({0xD9, 3}, 3);                                                       // str 8
  add({0xDA, 1, 0}, 256);                                                  // str 16
  add({0xDB, 0, 1, 0, 0}, 65536);                                          // str 32
  add({0x8F}, 30);                                                         // fixmap
  add({0x9F}, 15);                                                         // fixarray
  add({0xDC, 1, 0}, 256);                                                  // array 16
  add({0xDD, 0, 1, 0, 0}, 65536);                                          // array 32
  add({0xDE, 1, 0}, 512);                                                  // map 16
  add({0xDF, 0, 1, 0, 0}, 131072);                                         // map 32
  return values;
}

TEST(Scanner, FindsTheEndOfEveryFormat) {
  for (const std::string& value : one_of_each_format()) {
    Scanner scanner(kLimit);
    ASSERT_EQ(scanner.scan(value + "following"), ScanResult::kComplete) << int{value[0]};
    EXPECT_EQ(scanner.size(), value.size()) << int{value[0]};
  }
}

TEST(Scanner, WantsMoreForEveryProperBeginningOfAValue) {
  for (const std::string& value : one_of_each_format()) {
    const std::size_t step = value.size() / 100 + 1;
    for (std::size_t size = 0; size < value.size(); size += step) {
      ASSERT_EQ(scan_whole(value.substr(0, size)), ScanResult::kIncomplete)
          << int{value[0]} << " cut to " << size;
    }
  }
}

TEST(Scanner, NeverSaysThatAValueNeedsMoreThanItDoes) {
  for (const std::string& value : one_of_each_format()) {
    Scanner scanner(value.size());  // so kTooLarge if it did
    for (std::size_t size = 0; size < value.size(); size += value.size() / 100 + 1) {
      ASSERT_EQ(scanner.scan(std::string_view(value).substr(0, size)), ScanResult::kIncomplete);
    }
    EXPECT_EQ(scanner.scan(value), ScanResult::kComplete);
  }
}

TEST(Scanner, FindsTheSameEndsHoweverAStreamIsCutInTwo) {
  std::string stream;
  std::vector<std::size_t> ends;
  for (int i = 0; i < 3; ++i) {
    Writer(stream)
        .array(3)
        .integer(i)
        .map(1)
        .field("key", "a longer value than fixstr has")
        .array(2);
    Writer(stream).binary("12345").array(0);
    ends.push_back(stream.size());
  }
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    std::vector<std::size_t> found;
    Scanner scanner(kLimit);
    std::size_t begin = 0;
    for (const std::size_t arrived : {cut, stream.size()}) {
      const std::string_view bytes(stream.data(), arrived);
      while (scanner.scan(bytes.substr(begin)) == ScanResult::kComplete) {
        begin += scanner.size();
        found.push_back(begin);
        scanner.reset();
      }
    }
    EXPECT_EQ(found, ends) << "cut at " << cut;
  }
}

TEST(Scanner, LooksAtEachByteOnceWhenAMebibyteComesByteByByte) {
  // Scanned from its beginning each time, this would be half a million million steps.
  std::string message;
  Writer(message).array(kLimit - 5);
  message.append(kLimit - 5, '\x01');
  ASSERT_EQ(message.size(), kLimit);
  Scanner scanner(kLimit);
  for (std::size_t size = 0; size < message.size(); ++size) {
    ASSERT_EQ(scanner.scan({message.data(), size}), ScanResult::kIncomplete);
  }
  EXPECT_EQ(scanner.scan(message), ScanResult::kComplete);
}

TEST(Scanner, RefusesTheByteThatMessagePackDoesNotDefine) {
  EXPECT_EQ(scan_whole("\xC1"), ScanResult::kMalformed);
  EXPECT_EQ(scan_whole("\x92\x01\xC1"), ScanResult::kMalformed);
}

TEST(Scanner, AllowsNestingToTheLimitAndNotBeyond) {
  EXPECT_EQ(scan_whole(std::string(kMaxDepth, '\x91') + '\x01'), ScanResult::kComplete);
  EXPECT_EQ(scan_whole(std::string(kMaxDepth + 1, '\x91') + '\x01'), ScanResult::kTooDeep);
  EXPECT_EQ(scan_whole(std::string(kMaxDepth, '\x91') + '\x90'), ScanResult::kTooDeep);
  EXPECT_EQ(scan_whole(std::string(100'000, '\x91')), ScanResult::kTooDeep);
}

TEST(Scanner, CountsDepthAndNotHowOftenSomethingIsNested) {
  std::string many;
  Writer(many).array(1000);
  for (int i = 0; i < 1000; ++i) Writer(many).array(1).map(1).field("k", "v");
  EXPECT_EQ(scan_whole(many), ScanResult::kComplete);
}

TEST(Scanner, RefusesLengthBombsAsSoonAsTheirHeaderIsThere) {
  EXPECT_EQ(scan_whole(bytes_of({0xDD, 0xFF, 0xFF, 0xFF, 0xFF})), ScanResult::kTooLarge);
  EXPECT_EQ(scan_whole(bytes_of({0xDF, 0xFF, 0xFF, 0xFF, 0xFF})), ScanResult::kTooLarge);
  EXPECT_EQ(scan_whole(bytes_of({0xDB, 0xFF, 0xFF, 0xFF, 0xFF})), ScanResult::kTooLarge);
  EXPECT_EQ(scan_whole(bytes_of({0xC6, 0xFF, 0xFF, 0xFF, 0xFF})), ScanResult::kTooLarge);
  EXPECT_EQ(scan_whole(bytes_of({0xC9, 0xFF, 0xFF, 0xFF, 0xFF})), ScanResult::kTooLarge);
}

TEST(Scanner, AddsUpWhatNestedHeadersClaim) {
  // Nine entries fit into 20 bytes, but not when the first of them claims nine more.
  EXPECT_EQ(scan_whole(bytes_of({0x92, 0xDC, 0x00, 0x09}), 20), ScanResult::kIncomplete);
  EXPECT_EQ(scan_whole(bytes_of({0x92, 0xDC, 0x00, 0x09, 0xDC, 0x00, 0x09}), 20),
            ScanResult::kTooLarge);
}

TEST(Scanner, AllowsExactlyAsManyBytesAsItMay) {
  const std::string value =
      "\xA3"
      "abc";
  EXPECT_EQ(scan_whole(value, 4), ScanResult::kComplete);
  EXPECT_EQ(scan_whole(value, 3), ScanResult::kTooLarge);
}

TEST(Scanner, StaysWithItsRefusalUntilItIsReset) {
  Scanner scanner(kLimit);
  ASSERT_EQ(scanner.scan("\xC1"), ScanResult::kMalformed);
  EXPECT_EQ(scanner.scan("\x01"), ScanResult::kMalformed);
  scanner.reset();
  EXPECT_EQ(scanner.scan("\x01"), ScanResult::kComplete);
}

}  // namespace
}  // namespace outboxd::transport
