// Power cuts at every point of a scripted run: G1 to G5, G8 and G9 on what is left.
#include <iostream>

#include <gtest/gtest.h>

#include "tests/fault/power_cut_sweep.h"
#include "tests/support/sanitizers.h"

namespace outboxd::fault {
namespace {

constexpr std::uint64_t kSeed = 20101201;
constexpr std::size_t kShards = 6;
constexpr std::size_t kDoubleCuts = 200;

// A sanitizer looks for something else than a lost write: there, every tenth cut point will do.
const std::size_t kStride = support::sampled_every(10);

void print(const SweepReport& report) {
  std::cout << report.cut_points << " cut points (" << report.sync_points << " at a sync), "
            << report.variants << " variants, " << report.opened << " disks opened";
  if (kStride > 1) std::cout << "; with a sanitizer, every " << kStride << "th cut point only";
  std::cout << "\n";
}

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// The script, checked to be what the sweeps are meant to cut.
Script healthy_script() {
  Script script = play_script({.seed = kSeed});
  EXPECT_EQ(script.history.stopped_by, "");
  EXPECT_EQ(text_of(script.history.complaints), "");
  EXPECT_GE(script.transactions, 200U);
  return script;
}

TEST(ScriptedRun, DoesTheSameEveryTime) {
  const Script first = healthy_script();
  const Script second = healthy_script();
  ASSERT_EQ(first.history.contents.size(), second.history.contents.size());
  for (std::size_t i = 0; i < first.history.contents.size(); ++i) {
    EXPECT_EQ(difference(first.history.contents[i], second.history.contents[i]), "");
  }
}

TEST(ScriptedRun, CompletesAndBuriesAndSettles) {
  const Script script = healthy_script();
  const StoreContents& end = script.history.contents.back();
  EXPECT_GT(end.progress.completed_seq, 0U);
  EXPECT_FALSE(end.dead.empty());
  EXPECT_FALSE(end.requests.empty());
  bool any_cancelled = false;
  for (const auto& [id, order] : end.orders) any_cancelled |= order.settled_seq != 0;
  EXPECT_TRUE(any_cancelled);
}

TEST(ScriptedRun, ProcessesAndExpiresAndReplays) {
  const Script script = healthy_script();
  const StoreContents& end = script.history.contents.back();
  EXPECT_GT(end.payments.size(), 10U);
  EXPECT_FALSE(end.marks.empty());
  EXPECT_FALSE(end.settled.empty());
  EXPECT_FALSE(end.removed_letters.empty());
  std::size_t groups_with_ranges = 0;
  for (const StoreContents& contents : script.history.contents) {
    if (!contents.complete_above.empty() &&
        contents.complete_above.back().last > contents.progress.completed_seq) {
      ++groups_with_ranges;
    }
  }
  EXPECT_GT(groups_with_ranges, 10U) << "ranges that the watermark has not covered";
  bool any_expired = false;
  for (const auto& [id, order] : end.orders) {
    any_expired |= order.status == domain::OrderStatus::kExpired;
  }
  EXPECT_TRUE(any_expired);
}

class PowerCuts : public ::testing::TestWithParam<std::size_t> {};

TEST_P(PowerCuts, AtEveryPointLeaveAllThatWasAcknowledgedAndNothingHalf) {
  const Script script = healthy_script();
  const SweepReport report = sweep_power_cuts(
      script, {.seed = kSeed, .shard = GetParam() * kStride, .shards = kShards * kStride});
  print(report);
  EXPECT_GT(report.opened, 0U);
  EXPECT_EQ(text_of(report.violations), "");
}

INSTANTIATE_TEST_SUITE_P(Part, PowerCuts, ::testing::Range(std::size_t{0}, kShards));

TEST(DoublePowerCuts, DuringTheRecoveryFromAPowerCutAreNoWorse) {
  const Script script = healthy_script();
  const SweepReport report = sweep_recoveries(script, kSeed, kDoubleCuts / kStride);
  print(report);
  EXPECT_EQ(text_of(report.violations), "");
}

}  // namespace
}  // namespace outboxd::fault
