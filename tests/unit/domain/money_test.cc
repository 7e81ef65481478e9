#include "domain/money.h"

#include <limits>

#include <gtest/gtest.h>

namespace outboxd::domain {
namespace {

constexpr MinorUnits kMax = std::numeric_limits<MinorUnits>::max();

TEST(CurrencyTest, KnowsIsoCodesAndTheirMinorUnits) {
  EXPECT_EQ(Currency::parse("GBP").value().code(), "GBP");
  EXPECT_EQ(Currency::parse("GBP").value().minor_digits(), 2);
  EXPECT_EQ(Currency::parse("JPY").value().minor_digits(), 0);
  EXPECT_EQ(Currency::parse("KWD").value().minor_digits(), 3);
  EXPECT_TRUE(Currency::parse("AED"));  // the first and the last of the list
  EXPECT_TRUE(Currency::parse("ZWG"));
}

TEST(CurrencyTest, RefusesWhatIsNoCurrency) {
  for (const char* code : {"", "gbp", "GB", "GBPX", "XXX", "ABC"}) {
    EXPECT_FALSE(Currency::parse(code)) << code;
  }
  EXPECT_EQ(Currency::parse("abc").error().argument, "currency");
}

TEST(MoneyTest, ArithmeticSaysWhenItDoesNotFit) {
  EXPECT_EQ(checked_add(1, 2), 3);
  EXPECT_EQ(checked_add(kMax, 0), kMax);
  EXPECT_EQ(checked_add(kMax, 1), std::nullopt);
  EXPECT_EQ(checked_multiply(3, 4), 12);
  EXPECT_EQ(checked_multiply(kMax, 1), kMax);
  EXPECT_EQ(checked_multiply(kMax / 2 + 1, 2), std::nullopt);
}

}  // namespace
}  // namespace outboxd::domain
