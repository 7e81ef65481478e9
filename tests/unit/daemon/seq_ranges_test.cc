#include "daemon/seq_ranges.h"

#include <set>

#include <gtest/gtest.h>

namespace outboxd::daemon {
namespace {

TEST(SeqRanges, HoldsWhatWasAdded) {
  SeqRanges ranges(10);
  EXPECT_FALSE(ranges.contains(1));
  ranges.add({3, 5});
  for (const domain::Seq seq : {3U, 4U, 5U}) EXPECT_TRUE(ranges.contains(seq));
  EXPECT_FALSE(ranges.contains(2));
  EXPECT_FALSE(ranges.contains(6));
}

TEST(SeqRanges, MergesRangesThatTouchOrOverlap) {
  SeqRanges ranges(10);
  ranges.add({1, 2});
  ranges.add({6, 7});
  ranges.add({10, 12});
  EXPECT_EQ(ranges.size(), 3U);
  ranges.add({3, 5});
  EXPECT_EQ(ranges.size(), 2U) << "it fills the gap between the first two";
  ranges.add({2, 11});
  EXPECT_EQ(ranges.size(), 1U);
  ranges.add({4, 4});
  EXPECT_EQ(ranges.size(), 1U);
  EXPECT_TRUE(ranges.contains(12));
}

TEST(SeqRanges, ForgetsEverythingUpToANumber) {
  SeqRanges ranges(10);
  ranges.add({1, 4});
  ranges.add({6, 9});
  ranges.drop_through(7);
  EXPECT_FALSE(ranges.contains(4));
  EXPECT_FALSE(ranges.contains(7));
  EXPECT_TRUE(ranges.contains(8));
  ranges.drop_through(100);
  EXPECT_EQ(ranges.size(), 0U);
}

TEST(SeqRanges, ForgetsTheHighestNumbersPastItsBound) {
  SeqRanges ranges(2);
  ranges.add({10, 10});
  ranges.add({20, 20});
  ranges.add({1, 1});
  EXPECT_TRUE(ranges.contains(1));
  EXPECT_TRUE(ranges.contains(10));
  EXPECT_FALSE(ranges.contains(20));
}

TEST(SeqRanges, AgreesWithAPlainSet) {
  SeqRanges ranges(1000);
  std::set<domain::Seq> plain;
  unsigned state = 1;
  const auto next = [&state](unsigned bound) {
    state = state * 1103515245U + 12345U;
    return (state >> 16) % bound;
  };
  for (int i = 0; i < 200; ++i) {
    const domain::Seq first = 1 + next(200);
    const domain::Seq last = first + next(6);
    ranges.add({first, last});
    for (domain::Seq seq = first; seq <= last; ++seq) plain.insert(seq);
    if (i % 40 == 39) {
      const domain::Seq through = next(60);
      ranges.drop_through(through);
      plain.erase(plain.begin(), plain.upper_bound(through));
    }
    for (domain::Seq seq = 0; seq < 220; ++seq) {
      ASSERT_EQ(ranges.contains(seq), plain.contains(seq)) << "step " << i << ", seq " << seq;
    }
  }
}

}  // namespace
}  // namespace outboxd::daemon
