#include "domain/text.h"

#include <string>

#include <gtest/gtest.h>

namespace outboxd::domain {
namespace {

TEST(Utf8Test, AcceptsWellFormedTextOfEveryLength) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("plain"));
  EXPECT_TRUE(is_utf8("\xC2\x80 \xDF\xBF"));                       // two bytes
  EXPECT_TRUE(is_utf8("\xE0\xA0\x80 \xED\x9F\xBF \xEF\xBF\xBF"));  // three
  EXPECT_TRUE(is_utf8("\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"));       // four
}

TEST(Utf8Test, RefusesOverlongSurrogateTruncatedAndStrayBytes) {
  for (const char* text :
       {"\x80", "\xC0\xAF", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "ok\xE9"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

TEST(CheckTextTest, NamesTheArgumentAndTheBounds) {
  EXPECT_TRUE(check_text("abc", "sku", 1, 3));
  const Status too_long = check_text("abcd", "sku", 1, 3);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().argument, "sku");
  EXPECT_EQ(too_long.error().message, "sku must be 1 to 3 bytes of UTF-8, not 4");
  EXPECT_FALSE(check_text("", "sku", 1, 3));
  EXPECT_EQ(check_text("\xFF", "sku", 1, 3).error().message, "sku must be valid UTF-8");
}

TEST(EditDistanceTest, CountsWhatMustBeInsertedRemovedOrReplaced) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("order", "order"), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("order.craete", "order.create"), 2U);
}

TEST(CutTextTest, KeepsWhatFitsInWholeCharacters) {
  EXPECT_EQ(cut_text("declined", 100), "declined");
  EXPECT_EQ(cut_text("declined", 3), "dec");
  EXPECT_EQ(cut_text("\xC3\xA9\xC3\xA9", 3), "\xC3\xA9");
  EXPECT_EQ(cut_text("", 0), "");
}

TEST(CutTextTest, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(cut_text("a\xFF\xC3"
                     "b",
                     100),
            "a??b");
  EXPECT_TRUE(is_utf8(cut_text("\xF0\x9F\x92", 2)));
}

}  // namespace
}  // namespace outboxd::domain
