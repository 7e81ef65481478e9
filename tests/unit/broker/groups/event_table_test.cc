#include "broker/groups/event_table.h"

#include <gtest/gtest.h>

namespace outboxd::broker {
namespace {

TEST(EventTableTest, APlaceIsUsedAgainAndComesBackEmpty) {
  EventTable events;
  const EventIndex a = events.add();
  const EventIndex b = events.add();
  EXPECT_NE(a, b);
  events[a].attempts = 3;
  events.remove(a);
  const EventIndex c = events.add();
  EXPECT_EQ(c, a);
  EXPECT_EQ(events[c].attempts, 0U);
  EXPECT_EQ(events.size(), 2U);
  EXPECT_EQ(events.places(), 2U);
}

TEST(EventTableTest, GivesItsMemoryBackWhenNoEventIsLeft) {
  EventTable events;
  for (int i = 0; i < 1'000; ++i) (void)events.add();
  for (EventIndex index = 0; index < 1'000; ++index) events.remove(index);
  EXPECT_EQ(events.size(), 0U);
  EXPECT_EQ(events.places(), 0U);
  EXPECT_EQ(events.add(), 0U);
}

TEST(EventTableTest, AHundredThousandWaitingEventsFitIntoTheMemoryOfASmallBox) {
  // With a queue per key and a deadline each: 15 MB.
  EXPECT_LE(sizeof(OpenEvent), 80U);
}

}  // namespace
}  // namespace outboxd::broker
