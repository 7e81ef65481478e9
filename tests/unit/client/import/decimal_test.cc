#include "client/import/decimal.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace outboxd::order_import {
namespace {

TEST(Decimal, IsExactInMinorUnits) {
  EXPECT_EQ(parse_decimal("2.55", 2), 255);
  EXPECT_EQ(parse_decimal("0.29", 2), 29);  // 28.999… in binary floating point
  EXPECT_EQ(parse_decimal("15.0", 2), 1500);
  EXPECT_EQ(parse_decimal("15", 2), 1500);
  EXPECT_EQ(parse_decimal("-0.5", 2), -50);
  EXPECT_EQ(parse_decimal("+1.10", 2), 110);
  EXPECT_EQ(parse_decimal("0.0", 2), 0);
  EXPECT_EQ(parse_decimal("007", 2), 700);
}

TEST(Decimal, FollowsTheCurrencysDigits) {
  EXPECT_EQ(parse_decimal("500", 0), 500);
  EXPECT_EQ(parse_decimal("500.0", 0), 500);
  EXPECT_EQ(parse_decimal("1.234", 3), 1234);
}

TEST(Decimal, ZerosBeyondTheMinorUnitAreNothingAndOtherDigitsAreRefused) {
  EXPECT_EQ(parse_decimal("2.5500", 2), 255);
  EXPECT_EQ(parse_decimal("2.551", 2), std::nullopt);
  EXPECT_EQ(parse_decimal("0.5", 0), std::nullopt);
}

TEST(Decimal, ReachesTheLargestAmountAndNotBeyond) {
  EXPECT_EQ(parse_decimal("92233720368547758.07", 2), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_decimal("92233720368547758.08", 2), std::nullopt);
  EXPECT_EQ(parse_decimal("99999999999999999999999999", 2), std::nullopt);
}

TEST(Decimal, OtherTextIsNoNumber) {
  for (const char* text : {"", "-", ".", ".5", "5.", "1,5", "1e3", " 1", "1 ", "£1", "0x1", "--1",
                           "1.-5", "1.2.3", "NaN"}) {
    EXPECT_EQ(parse_decimal(text, 2), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace outboxd::order_import
