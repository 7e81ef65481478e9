#include "domain/ids.h"

#include <string>

#include <gtest/gtest.h>

namespace outboxd::domain {
namespace {

TEST(IdTest, AcceptsOneToSixtyFourOfTheAllowedCharacters) {
  EXPECT_TRUE(OrderId::parse("a"));
  EXPECT_TRUE(OrderId::parse("AZaz09._:-"));
  EXPECT_TRUE(OrderId::parse(std::string(64, 'x')));
}

TEST(IdTest, RefusesEverythingElseAndNamesTheArgument) {
  for (const std::string& text :
       {std::string(), std::string(65, 'x'), std::string("a b"), std::string("a/b"),
        std::string("\xC3\xA9"), std::string("a\0b", 3)}) {
    const Result<OrderId> id = OrderId::parse(text);
    ASSERT_FALSE(id) << '"' << text << '"';
    EXPECT_EQ(id.error().argument, "order_id");
    EXPECT_NE(id.error().message.find("1 to 64 characters"), std::string::npos);
  }
  EXPECT_EQ(CustomerId::parse("").error().argument, "customer_id");
}

}  // namespace
}  // namespace outboxd::domain
