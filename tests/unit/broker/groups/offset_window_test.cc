#include "broker/groups/offset_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using Fate = OffsetWindow::Fate;

OffsetWindow open(Offset first, Offset last) {
  OffsetWindow window(first);
  for (Offset offset = first; offset <= last; ++offset) {
    window.push(offset, 0, offset * 10, Fate::kOpen);
  }
  return window;
}

TEST(OffsetWindowTest, TheCursorStandsAtTheFirstOpenOffset) {
  OffsetWindow window = open(1, 4);
  EXPECT_TRUE(window.take().empty());
  window.resolve(1);
  window.resolve(2);
  const auto progress = window.take();
  EXPECT_TRUE(progress.moved);
  EXPECT_EQ(progress.cursor, 3U);
  EXPECT_THAT(progress.done, IsEmpty());
  EXPECT_THAT(progress.passed, ElementsAre(Pair(0, 20)));
}

TEST(OffsetWindowTest, WhatIsResolvedOutOfOrderIsMarkedUntilTheCursorPasses) {
  OffsetWindow window = open(1, 4);
  window.resolve(3);
  auto progress = window.take();
  EXPECT_FALSE(progress.moved);
  EXPECT_THAT(progress.done, ElementsAre(3));
  EXPECT_TRUE(window.take().empty()) << "a mark is written once";
  window.resolve(1);
  window.resolve(2);
  progress = window.take();
  EXPECT_EQ(progress.cursor, 4U);
  EXPECT_THAT(progress.undone, ElementsAre(3));
}

TEST(OffsetWindowTest, WhatIsResolvedAndPassedAtOnceNeedsNoMark) {
  OffsetWindow window = open(1, 3);
  window.resolve(3);
  window.resolve(2);
  window.resolve(1);
  const auto progress = window.take();
  EXPECT_EQ(progress.cursor, 4U);
  EXPECT_THAT(progress.done, IsEmpty());
  EXPECT_THAT(progress.undone, IsEmpty());
  EXPECT_EQ(window.size(), 0U);
}

TEST(OffsetWindowTest, TheCursorPassesWhatTheDeferredTableKeeps) {
  OffsetWindow window = open(1, 3);
  window.defer(1);
  EXPECT_EQ(window.take().cursor, 2U);
  window.resolve(1);  // later
  EXPECT_TRUE(window.take().empty());
}

TEST(OffsetWindowTest, ADeferredEventThatIsResolvedBehindTheCursorIsMarked) {
  OffsetWindow window = open(1, 3);
  window.defer(2);
  EXPECT_TRUE(window.take().empty());
  window.resolve(2);
  EXPECT_THAT(window.take().done, ElementsAre(2));
}

TEST(OffsetWindowTest, OffsetsWithoutEventsAreNoObstacle) {
  OffsetWindow window(1);
  window.push(1'000'000, 3, 7, Fate::kOpen);
  window.push(2'000'000, 4, 8, Fate::kMarked);
  EXPECT_EQ(window.take().cursor, 1'000'000U);
  window.resolve(1'500'000);
  window.resolve(1'000'000);
  const auto progress = window.take();
  EXPECT_EQ(progress.cursor, 2'000'001U);
  EXPECT_THAT(progress.undone, ElementsAre(2'000'000));
  EXPECT_THAT(progress.passed, UnorderedElementsAre(Pair(3, 7), Pair(4, 8)));
}

}  // namespace
}  // namespace outboxd::broker
