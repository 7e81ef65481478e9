#include "broker/groups/consumers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ConsumersTest, TheyAreServedInTurnWithinTheirCredit) {
  Consumers consumers;
  consumers.subscribe(1, 2);
  consumers.subscribe(2, 1);
  EXPECT_EQ(consumers.free_credit(), 3U);
  EXPECT_EQ(consumers.hand_out(101, 0, false), 1U);
  EXPECT_EQ(consumers.hand_out(102, 1, false), 2U);
  EXPECT_EQ(consumers.hand_out(103, 2, false), 1U);
  EXPECT_FALSE(consumers.can_take(false));
  consumers.settle(102);
  EXPECT_EQ(consumers.hand_out(104, 3, false), 2U);
}

TEST(ConsumersTest, LessCreditTakesNothingAwayButHoldsBackTheNext) {
  Consumers consumers;
  consumers.subscribe(1, 3);
  (void)consumers.hand_out(101, 0, false);
  (void)consumers.hand_out(102, 1, false);
  consumers.subscribe(1, 1);
  EXPECT_EQ(consumers.free_credit(), 0U);
  EXPECT_EQ(consumers.in_flight(), 2U);
  consumers.settle(101);
  EXPECT_FALSE(consumers.can_take(false));
  consumers.settle(102);
  EXPECT_EQ(consumers.free_credit(), 1U);
  consumers.subscribe(1, 5);
  EXPECT_EQ(consumers.free_credit(), 5U);
}

TEST(ConsumersTest, AConsumerHasOneSuspectAtATime) {
  Consumers consumers;
  consumers.subscribe(1, 10);
  consumers.subscribe(2, 10);
  EXPECT_NE(consumers.hand_out(101, 0, true), consumers.hand_out(102, 1, true));
  EXPECT_FALSE(consumers.can_take(true));
  EXPECT_TRUE(consumers.can_take(false));
  consumers.settle(102);
  EXPECT_TRUE(consumers.can_take(true));
}

TEST(ConsumersTest, OneThatGoesLeavesWhatItHadInTheOrderOfDelivery) {
  Consumers consumers;
  consumers.subscribe(1, 10);
  (void)consumers.hand_out(103, 7, false);
  (void)consumers.hand_out(104, 5, false);
  (void)consumers.hand_out(105, 9, false);
  consumers.settle(104);
  EXPECT_THAT(consumers.remove(1), ElementsAre(7, 9));
  EXPECT_THAT(consumers.remove(1), IsEmpty());
  EXPECT_EQ(consumers.find(103), nullptr);
  EXPECT_EQ(consumers.size(), 0U);
  EXPECT_EQ(consumers.free_credit(), 0U);
}

TEST(TagSourceTest, TagsOfOneStartAreNeverThoseOfAnother) {
  TagSource first(1);
  TagSource second(2);
  EXPECT_LT(first.next(), second.next());
  const std::uint64_t tag = first.next();
  EXPECT_EQ(first.next(), tag + 1);
  EXPECT_EQ(tag >> TagSource::kCounterBits, 1U);
}

}  // namespace
}  // namespace outboxd::broker
