#include "broker/append_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

void add(AppendGroup& group, std::string_view producer, std::uint64_t epoch, domain::Seq last_seq,
         const std::vector<transport::AcceptedEvent>& events) {
  group.add({producer, epoch, 0, last_seq, events});
}

TEST(AppendGroupTest, KeepsCopiesOfWhatDiesWithItsFrame) {
  AppendGroup group;
  std::string frame = "..orders...envelope";
  const std::string_view view = frame;
  add(group, "shop-1", 1, 1, {{1, view.substr(2, 6), view}});
  frame.assign(frame.size(), '#');
  ASSERT_EQ(group.batch().events.size(), 1U);
  EXPECT_EQ(group.batch().events[0].topic, "orders");
  EXPECT_EQ(group.batch().events[0].envelope, "..orders...envelope");
  EXPECT_EQ(group.batch().events[0].seq, 1U);
}

TEST(AppendGroupTest, KeepsATopicThatIsNotPartOfItsEnvelope) {
  AppendGroup group;
  std::string topic = "orders";
  add(group, "shop-1", 1, 1, {{1, topic, "envelope"}});
  topic = "######";
  EXPECT_EQ(group.batch().events[0].topic, "orders");
}

TEST(AppendGroupTest, AProducerHasOnePositionHoweverOftenItPublishes) {
  AppendGroup group;
  add(group, "a", 1, 1, {{1, "t", "1"}});
  add(group, "b", 7, 9, {{9, "t", "9"}});
  add(group, "a", 2, 3, {{3, "t", "3"}});
  EXPECT_THAT(group.batch().positions,
              ElementsAre(ProducerPosition{"a", 2, 3}, ProducerPosition{"b", 7, 9}));
  ASSERT_EQ(group.batch().events.size(), 3U);
  EXPECT_EQ(group.batch().events[0].position, 0U);
  EXPECT_EQ(group.batch().events[1].position, 1U);
  EXPECT_EQ(group.batch().events[2].position, 0U);
}

TEST(AppendGroupTest, APositionWithoutEventsIsSomethingToWrite) {
  AppendGroup group;
  EXPECT_TRUE(group.empty());
  add(group, "a", 1, 5, {});
  EXPECT_FALSE(group.empty());
  EXPECT_THAT(group.batch().events, IsEmpty());
}

TEST(AppendGroupTest, HasRoomForTheLargestRequestUntilItIsFull) {
  AppendGroup group;
  const std::string envelope(transport::kMaxFrameBytes, 'x');
  domain::Seq seq = 0;
  while (!group.full()) {
    ++seq;
    add(group, "a", 1, seq, {{seq, "t", envelope}});
  }
  for (const NewEvent& event : group.batch().events) EXPECT_EQ(event.envelope, envelope);
}

TEST(AppendGroupTest, NamesEachTopicThatGetsEventsOnce) {
  AppendGroup group;
  add(group, "a", 1, 3, {{1, "orders", "1"}, {2, "payments", "2"}, {3, "orders", "3"}});
  add(group, "b", 1, 1, {{1, "orders", "1"}});
  EXPECT_THAT(group.topics(), ElementsAre("orders", "payments"));
  group.clear();
  EXPECT_THAT(group.topics(), IsEmpty());
}

TEST(AppendGroupTest, ChangesOfConsumerGroupsAndTheTimeAreSomethingToWrite) {
  AppendGroup group;
  group.touch();
  EXPECT_FALSE(group.empty());
  group.clear();
  EXPECT_TRUE(group.empty());
  group.add(GroupChange{.id = {"orders", "payments"}, .cursor = 7});
  EXPECT_FALSE(group.empty());
  ASSERT_EQ(group.batch().groups.size(), 1U);
  EXPECT_EQ(group.batch().groups[0].cursor, 7U);
  group.clear();
  EXPECT_TRUE(group.empty());
}

TEST(AppendGroupTest, DeadLettersMakeItFullLikeEvents) {
  AppendGroup group;
  while (!group.full()) {
    GroupChange change{.id = {"orders", "payments"}};
    change.bury.push_back({.envelope = std::string(transport::kMaxEnvelopeBytes, 'x')});
    group.add(std::move(change));
  }
  EXPECT_LE(group.batch().groups.size(), 5U);
}

TEST(AppendGroupTest, IsEmptyAgainAfterClear) {
  AppendGroup group;
  add(group, "a", 9, 9, {{9, "t", "9"}});
  group.clear();
  EXPECT_TRUE(group.empty());
  add(group, "a", 1, 1, {{1, "t", "1"}});
  EXPECT_THAT(group.batch().positions, ElementsAre(ProducerPosition{"a", 1, 1}));
}

}  // namespace
}  // namespace outboxd::broker
