// Conservation (G9): the real services sell seats for points, by a seed, and the power is cut at
// every point of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fault/planted_bugs.h"
#include "tests/fault/planted_points_bugs.h"
#include "tests/fault/points_run.h"
#include "tests/support/sanitizers.h"

namespace outboxd::fault {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Under a sanitizer, every tenth cut point will do.
const std::size_t kStride = support::sampled_every(10);

SweepReport sweep(const PointsScript& script, const SweepOptions& options) {
  const DiskCheck check = [&](const DiskImage& disk, std::size_t acknowledged) {
    return check_points(disk, script.history, acknowledged);
  };
  return sweep_power_cuts(script.start, script.record, check, options);
}

class PointsUnderPowerCuts : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(PointsUnderPowerCuts, AreNeitherMadeNorLostAndNoSeatIsSoldTwice) {
  const PointsScript script = play_points_script({.seed = GetParam()});
  EXPECT_THAT(script.history.complaints, IsEmpty());
  const SweepReport report = sweep(script, {.seed = GetParam(), .shards = kStride});
  EXPECT_GT(report.opened, 50U / kStride);
  EXPECT_THAT(report.violations, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, PointsUnderPowerCuts,
                         ::testing::Values(20101201, 20101202, 20101203));

// Long runs without cuts, each checked once: many more interleavings than the sweeps can afford.
TEST(PointsInLongRuns, AreConservedAndAnsweredAsTheBooksSay) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const PointsScript script =
        play_points_script({.seed = seed, .stretches = 2, .groups = 150 / kStride});
    EXPECT_THAT(script.history.complaints, IsEmpty());
    DiskModel disk(script.start);
    for (const Operation& operation : script.record) disk.apply(operation);
    std::mt19937_64 random(seed);
    const DiskImage after = disk.after_cut({UnsyncedData::kDropped, UnsyncedNames::kLost}, random);
    EXPECT_THAT(check_points(after, script.history, script.history.books.size() - 1), IsEmpty());
  }
}

// Or the runs above would prove little.
TEST(PointsInLongRuns, DoEverythingThereIsToDo) {
  const PointsScript script = play_points_script({.seed = 1, .stretches = 2, .groups = 150});
  const BoxOffice::Counts& counts = script.history.counts;
  for (const auto kind :
       {PointsRequest::Kind::kDeposit, PointsRequest::Kind::kHold, PointsRequest::Kind::kPay,
        PointsRequest::Kind::kCancel, PointsRequest::Kind::kExpire}) {
    ASSERT_TRUE(counts.accepted.contains(kind)) << static_cast<int>(kind);
    EXPECT_GT(counts.accepted.at(kind), 10U) << static_cast<int>(kind);
  }
  EXPECT_GT(counts.repeated, 50U);
  EXPECT_GT(counts.refused, 50U);
}

// What is tested is the check, and sanitizers have nothing to find in that.
class PlantedPointsBugs : public ::testing::Test {
 protected:
  void SetUp() override {
    if (support::kMemoryIsSanitized) GTEST_SKIP() << "the sweep itself runs under a sanitizer";
  }

  static std::vector<std::string> violations_with(Lies lies, Decorator decorate) {
    const PointsScript script = play_points_script(
        {.seed = 7, .stretches = 1, .groups = 24, .decorate = std::move(decorate), .lies = lies});
    return sweep(script, {.seed = 7}).violations;
  }
};

TEST_F(PlantedPointsBugs, NoBugIsNotReported) {
  EXPECT_THAT(violations_with({}, {}), IsEmpty());
}

TEST_F(PlantedPointsBugs, SellingForNothingIsReported) {
  EXPECT_THAT(violations_with({}, sell_for_nothing), Contains(StartsWith("G9:")));
}

TEST_F(PlantedPointsBugs, ADeductionThatIsNotWrittenIsReported) {
  EXPECT_THAT(violations_with({}, forget_deductions),
              Contains(HasSubstr("PAID but nothing was deducted")));
}

TEST_F(PlantedPointsBugs, ADepositThatWouldBeTakenTwiceIsReported) {
  EXPECT_THAT(violations_with({}, forget_deposits), Contains(StartsWith("G9:")));
}

TEST_F(PlantedPointsBugs, AClaimThatIsNotReleasedIsReported) {
  EXPECT_THAT(violations_with({}, keep_what_was_cancelled), Contains(StartsWith("G1:")));
}

TEST_F(PlantedPointsBugs, ASaleWhoseEventIsInAnotherBatchIsReported) {
  EXPECT_THAT(violations_with({}, commit_state_and_events_apart), Contains(StartsWith("G2:")));
}

TEST_F(PlantedPointsBugs, SwallowedSyncsAreReported) {
  EXPECT_THAT(violations_with({.swallow_file_syncs = true}, {}), Contains(StartsWith("G1:")));
}

}  // namespace
}  // namespace outboxd::fault
