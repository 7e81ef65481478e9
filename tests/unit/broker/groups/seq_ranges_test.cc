#include "broker/groups/seq_ranges.h"

#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<std::pair<domain::Seq, domain::Seq>> pairs(const SeqRanges& ranges) {
  std::vector<std::pair<domain::Seq, domain::Seq>> result;
  for (const auto& [first, last] : ranges.ranges()) result.emplace_back(first, last);
  return result;
}

TEST(SeqRangesTest, NumbersInOrderAreOneRange) {
  SeqRanges ranges;
  for (domain::Seq seq = 1; seq <= 100; ++seq) ranges.add(seq, seq);
  EXPECT_THAT(pairs(ranges), ElementsAre(Pair(1, 100)));
}

TEST(SeqRangesTest, WhatFillsAGapJoinsItsNeighbours) {
  SeqRanges ranges;
  ranges.add(7, 9);
  ranges.add(1, 3);
  EXPECT_THAT(pairs(ranges), ElementsAre(Pair(1, 3), Pair(7, 9)));
  ranges.add(4, 6);
  EXPECT_THAT(pairs(ranges), ElementsAre(Pair(1, 9)));
}

TEST(SeqRangesTest, RemovingFromTheMiddleLeavesBothEnds) {
  SeqRanges ranges;
  ranges.add(1, 9);
  ranges.remove(4, 6);
  EXPECT_THAT(pairs(ranges), ElementsAre(Pair(1, 3), Pair(7, 9)));
  ranges.remove(1, 100);
  EXPECT_TRUE(ranges.empty());
}

TEST(SeqRangesTest, AllButTheMissing) {
  EXPECT_THAT(pairs(SeqRanges::all_but(10, {5, 1, 9, 10, 12})),
              ElementsAre(Pair(2, 4), Pair(6, 8)));
  EXPECT_THAT(pairs(SeqRanges::all_but(3, {})), ElementsAre(Pair(1, 3)));
  EXPECT_THAT(pairs(SeqRanges::all_but(0, {})), IsEmpty());
}

TEST(SeqRangesTest, AgreesWithASetForAnyOrderOfAddingAndRemoving) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  SeqRanges ranges;
  std::set<domain::Seq> set;
  for (int step = 0; step < 3'000; ++step) {
    const domain::Seq first = 1 + random() % 200;
    const domain::Seq last = first + random() % 4;
    const bool adds = random() % 3 != 0;
    adds ? ranges.add(first, last) : ranges.remove(first, last);
    for (domain::Seq seq = first; seq <= last; ++seq) {
      adds ? void(set.insert(seq)) : void(set.erase(seq));
    }
    std::set<domain::Seq> members;
    domain::Seq end_before = 0;
    for (const auto& range : ranges.ranges()) {
      ASSERT_TRUE(end_before == 0 || range.first > end_before + 1) << "ranges that touch";
      for (domain::Seq seq = range.first; seq <= range.last; ++seq) members.insert(seq);
      end_before = range.last;
    }
    ASSERT_EQ(members, set);
    ASSERT_EQ(ranges.contains(first), set.contains(first));
  }
}

}  // namespace
}  // namespace outboxd::broker
