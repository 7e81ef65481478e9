#include "broker/groups/deadlines.h"

#include <gtest/gtest.h>

namespace outboxd::broker {
namespace {

TEST(DeadlinesTest, EventsComeOutByTheirTimesAndNotBefore) {
  Deadlines deadlines;
  EXPECT_EQ(deadlines.next_ms(), std::nullopt);
  deadlines.add(30, 1);
  deadlines.add(10, 2);
  deadlines.add(20, 3);
  EXPECT_EQ(deadlines.next_ms(), 10);
  EXPECT_EQ(deadlines.pop_due(9), kNoEvent);
  EXPECT_EQ(deadlines.pop_due(25), 2U);
  EXPECT_EQ(deadlines.pop_due(25), 3U);
  EXPECT_EQ(deadlines.pop_due(25), kNoEvent);
  EXPECT_EQ(deadlines.next_ms(), 30);
}

}  // namespace
}  // namespace outboxd::broker
