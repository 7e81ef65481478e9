#include "broker/groups/ahead_lane.h"

#include <string>

#include <gmock/gmock.h>

#include "broker/groups/key_queues.h"

namespace outboxd::broker {
namespace {

using Fate = AheadLane::Fate;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

AheadLane scanned_lane(Offset from, Offset split) {
  AheadLane lane(from, split);
  lane.finish_scan();
  return lane;
}

TEST(AheadLaneTest, ScansTheBacklogBeforeAnythingIsReadAhead) {
  AheadLane lane(11, 13);
  EXPECT_TRUE(lane.scanning());
  lane.scanned(11, 1);
  EXPECT_EQ(lane.scan_next(), 12U);
  EXPECT_TRUE(lane.scanning());
  lane.scanned(12, 2);
  EXPECT_FALSE(lane.scanning());
  EXPECT_EQ(lane.next(), 13U);
}

TEST(AheadLaneTest, G7EveryKeyOfTheBacklogHasToWait) {
  constexpr Offset kBacklog = 100'000;
  AheadLane lane(1, 1 + kBacklog);
  for (Offset offset = 1; offset <= kBacklog; ++offset) {
    lane.scanned(offset, key_hash("till-1", "backlog-" + std::to_string(offset)));
  }
  for (Offset offset = 1; offset <= kBacklog; ++offset) {
    ASSERT_TRUE(lane.waits(key_hash("till-1", "backlog-" + std::to_string(offset))));
  }
}

TEST(AheadLaneTest, FewOtherKeysHaveToWait) {
  constexpr Offset kBacklog = 100'000;
  AheadLane lane(1, 1 + kBacklog);
  for (Offset offset = 1; offset <= kBacklog; ++offset) {
    lane.scanned(offset, key_hash("till-1", "backlog-" + std::to_string(offset)));
  }
  int waiting = 0;
  for (int i = 0; i < 10'000; ++i) {
    if (lane.waits(key_hash("till-1", "fresh-" + std::to_string(i)))) ++waiting;
  }
  EXPECT_LT(waiting, 300);  // 1.4 % are expected
}

TEST(AheadLaneTest, TellsTheWindowWhatBecameOfEachEventInItsPlace) {
  AheadLane lane = scanned_lane(1, 10);
  lane.push(10, 0, 100, Fate::kOpen);
  lane.push(11, 0, 101, Fate::kSkipped);
  lane.push(13, 0, 103, Fate::kOpen);
  lane.push(14, 0, 104, Fate::kOpen);
  lane.push(15, 0, 105, Fate::kOpen);
  lane.defer(13);
  lane.resolve(14);
  lane.resolve(15);
  EXPECT_THAT(lane.take_marks(), ElementsAre(14, 15));
  EXPECT_EQ(lane.next(), 16U);

  EXPECT_EQ(lane.take_over(10), Fate::kOpen);
  EXPECT_EQ(lane.take_over(11), Fate::kSkipped);
  EXPECT_EQ(lane.take_over(12), Fate::kSkipped);  // was never read ahead
  EXPECT_EQ(lane.take_over(13), Fate::kDeferred);
  EXPECT_EQ(lane.take_over(15), Fate::kMarked);
  EXPECT_EQ(lane.take_over(16), Fate::kSkipped);
  EXPECT_EQ(lane.size(), 0U);
}

TEST(AheadLaneTest, MarksAnEventOnceAndNotWhenTheWindowHasTakenItOver) {
  AheadLane lane = scanned_lane(1, 10);
  lane.push(10, 0, 1, Fate::kOpen);
  lane.push(11, 0, 2, Fate::kOpen);
  lane.resolve(10);
  lane.resolve(11);
  EXPECT_EQ(lane.take_over(10), Fate::kResolved);
  EXPECT_THAT(lane.take_marks(), ElementsAre(11));
  EXPECT_THAT(lane.take_marks(), IsEmpty());
}

TEST(AheadLaneTest, CountsAsCompletedWhatIsMarkedAndOfThatProducer) {
  AheadLane lane = scanned_lane(1, 10);
  lane.push(10, 0, 7, Fate::kOpen);
  lane.push(11, 1, 7, Fate::kOpen);
  lane.push(12, 0, 9, Fate::kOpen);
  lane.resolve(10);
  lane.resolve(11);
  EXPECT_THAT(lane.take_marks(), ElementsAre(10, 11));
  lane.resolve(12);
  SeqRanges completed;
  lane.add_completed(0, completed);
  EXPECT_TRUE(completed.contains(7));
  EXPECT_FALSE(completed.contains(9));  // its mark is not taken yet
}

}  // namespace
}  // namespace outboxd::broker
