#include "broker/groups/producer_names.h"

#include <gtest/gtest.h>

namespace outboxd::broker {
namespace {

TEST(ProducerNamesTest, ANameKeepsItsNumberAndANumberItsName) {
  ProducerNames names;
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(names.index_of("box-" + std::to_string(i)), static_cast<ProducerIndex>(i));
  }
  EXPECT_EQ(names.index_of("box-7"), 7U);
  EXPECT_EQ(names.name_of(7), "box-7");
}

}  // namespace
}  // namespace outboxd::broker
