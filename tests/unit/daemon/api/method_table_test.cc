#include "daemon/api/method_table.h"

#include <gtest/gtest.h>

namespace outboxd::daemon {
namespace {

MethodTable orders_table() {
  MethodTable methods;
  methods.add("order.create", Access::kWrite, [](const auto&) { return domain::ok_status(); });
  methods.add("order.get", Access::kRead, [](const auto&) { return domain::ok_status(); });
  return methods;
}

TEST(MethodTableTest, FindsAMethodByItsExactName) {
  const MethodTable methods = orders_table();
  ASSERT_NE(methods.find("order.create"), nullptr);
  EXPECT_EQ(methods.find("order.create")->access, Access::kWrite);
  EXPECT_EQ(methods.find("order.creat"), nullptr);
  EXPECT_EQ(methods.find(""), nullptr);
}

TEST(MethodTableTest, SuggestsTheNearestNameButNothingFarFetched) {
  const MethodTable methods = orders_table();
  EXPECT_EQ(methods.nearest("order.creat"), "order.create");
  EXPECT_EQ(methods.nearest("orders.get"), "order.get");
  EXPECT_EQ(methods.nearest("make.coffee.please"), "");
  EXPECT_EQ(methods.nearest(std::string(1 << 20, 'x')), "");
}

TEST(MethodTableDeathTest, ANameAddedTwiceIsABug) {
  MethodTable methods = orders_table();
  EXPECT_DEATH(methods.add("order.get", Access::kRead, nullptr), "CHECK failed");
}

}  // namespace
}  // namespace outboxd::daemon
