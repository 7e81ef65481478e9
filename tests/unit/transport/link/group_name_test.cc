#include "transport/link/group_name.h"

#include <string>

#include <gtest/gtest.h>

#include "transport/limits.h"

namespace outboxd::transport {
namespace {

TEST(GroupName, HasUpTo128CharactersOfThoseThatIdentifiersHave) {
  EXPECT_TRUE(is_valid_group("payments"));
  EXPECT_TRUE(is_valid_group("orders.till-1"));
  EXPECT_TRUE(is_valid_group(std::string(kMaxGroupBytes, 'x')));
  EXPECT_FALSE(is_valid_group(std::string(kMaxGroupBytes + 1, 'x')));
  EXPECT_FALSE(is_valid_group(""));
  EXPECT_FALSE(is_valid_group("two words"));
  EXPECT_FALSE(is_valid_group(std::string_view("\0", 1)));
}

TEST(GroupName, ADeadTopicIsTakenApartAtItsFirstColon) {
  const std::string topic = dead_topic("orders", "payments:eu");
  EXPECT_EQ(topic, "dead:orders:payments:eu");
  const auto parts = split_dead_topic(topic);
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->topic, "orders");
  EXPECT_EQ(parts->group, "payments:eu");
}

TEST(GroupName, OtherTextsAreNoDeadTopics) {
  for (const char* text : {"", "orders", "dead", "dead:", "dead:orders", "dead:orders:", "dead::g",
                           "DEAD:orders:g", "dead:or ders:g", "dead:orders:g g"}) {
    EXPECT_FALSE(split_dead_topic(text).has_value()) << text;
  }
  EXPECT_FALSE(split_dead_topic("dead:" + std::string(65, 'x') + ":g").has_value());
}

TEST(GroupName, GroupsConsumeTopicsWithoutColonsAndDeadTopics) {
  EXPECT_TRUE(is_consumable_topic("orders"));
  EXPECT_TRUE(is_consumable_topic("dead:orders:payments"));
  EXPECT_FALSE(is_consumable_topic("a:b"));
  EXPECT_FALSE(is_consumable_topic("dead:orders"));
  EXPECT_FALSE(is_consumable_topic(""));
  EXPECT_LE(dead_topic(std::string(kMaxTopicBytes, 't'), std::string(kMaxGroupBytes, 'g')).size(),
            kMaxSubscribedTopicBytes);
}

}  // namespace
}  // namespace outboxd::transport
