// The checks themselves: each known bug, planted, must be reported.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fault/planted_bugs.h"
#include "tests/fault/power_cut_sweep.h"
#include "tests/support/sanitizers.h"

namespace outboxd::fault {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::uint64_t kSeed = 7;

// What the sweep says about a script with the bug in it.
std::vector<std::string> violations_with(Lies lies, Decorator decorate) {
  const Script script = play_script({.seed = kSeed,
                                     .stretches = 1,
                                     .stretch = {.groups = 12, .decorate = std::move(decorate)},
                                     .lies = lies});
  return sweep_power_cuts(script, {.seed = kSeed, .max_violations = 5}).violations;
}

// What is tested is the sweep, and sanitizers have nothing to find in that; they run the sweep over
// the store that has no bugs.
class PlantedBugs : public ::testing::Test {
 protected:
  void SetUp() override {
    if (support::kMemoryIsSanitized) {
      GTEST_SKIP() << "ten whole sweeps take a quarter of an hour under a sanitizer";
    }
  }
};

// Or the bug that keeps discarded writes would have nothing to keep.
TEST_F(PlantedBugs, TheScriptChangesItsMind) {
  const Script script = play_script({.seed = kSeed, .stretches = 1, .stretch = {.groups = 12}});
  EXPECT_GT(script.changes_of_mind, 0U);
}

TEST_F(PlantedBugs, NoBugIsNotReported) {
  EXPECT_THAT(violations_with({}, {}), IsEmpty());
}

TEST_F(PlantedBugs, SwallowedSyncsAreReported) {
  EXPECT_THAT(violations_with({.swallow_file_syncs = true}, {}), Contains(StartsWith("G1:")));
}

TEST_F(PlantedBugs, ALostDirectorySyncIsReported) {
  EXPECT_THAT(violations_with({.swallow_directory_syncs = true}, {}), Contains(StartsWith("G1:")));
}

TEST_F(PlantedBugs, AcknowledgingBeforeTheWriteIsReported) {
  EXPECT_THAT(violations_with({}, acknowledge_before_write), Contains(StartsWith("G1:")));
}

TEST_F(PlantedBugs, StateAndEventsInTwoBatchesAreReported) {
  EXPECT_THAT(violations_with({}, commit_state_and_events_apart), Contains(StartsWith("G2:")));
}

TEST_F(PlantedBugs, AWatermarkThatRunsAheadIsReported) {
  EXPECT_THAT(violations_with({}, complete_too_much), Contains(StartsWith("G5:")));
}

TEST_F(PlantedBugs, WritesOfADiscardedUnitOfWorkAreReported) {
  EXPECT_THAT(violations_with({}, accept_what_was_discarded), Contains(StartsWith("G1:")));
}

TEST_F(PlantedBugs, AForgottenProcessedMarkIsReported) {
  EXPECT_THAT(violations_with({}, forget_marks), Contains(StartsWith("G8:")));
}

TEST_F(PlantedBugs, AForgottenRequestRecordIsReported) {
  const std::vector<std::string> violations = violations_with({}, forget_requests);
  EXPECT_THAT(violations, Contains(HasSubstr("request-0 is missing")));
}

}  // namespace
}  // namespace outboxd::fault
