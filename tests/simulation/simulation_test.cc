// Ten thousand schedules, and the bugs that they must find.
#include "tests/simulation/simulation.h"

#include <gtest/gtest.h>

#include "tests/support/sanitizers.h"

namespace outboxd::simulation {
namespace {

// A sanitizer takes ten times as long over each.
constexpr std::uint64_t kSchedules = support::kMemoryIsSanitized ? 1'000 : 10'000;
constexpr std::uint64_t kSchedulesPerTest = kSchedules / 10;

class SimulatedSchedules : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SimulatedSchedules, KeepEveryGuaranteeAndEndWithEverythingDone) {
  const std::uint64_t first = GetParam() * kSchedulesPerTest + 1;
  for (std::uint64_t seed = first; seed < first + kSchedulesPerTest; ++seed) {
    const Outcome outcome = Simulation(seed).run();
    ASSERT_FALSE(outcome.violation)
        << "outboxd-simulate --schedules 1 --seed " << seed << "\n  " << *outcome.violation;
  }
}

INSTANTIATE_TEST_SUITE_P(Tenth, SimulatedSchedules, testing::Range<std::uint64_t>(0, 10));

TEST(Simulation, TellsTheSameStoryForTheSameSeed) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome first = Simulation(seed).run();
    const Outcome second = Simulation(seed).run();
    EXPECT_EQ(first.steps, second.steps) << seed;
    EXPECT_EQ(first.events, second.events) << seed;
  }
}

// Each bug is found by some schedule, by the guarantee that it breaks or by what never gets done.
class PlantedBugs : public testing::TestWithParam<PlantedBugName> {};

TEST_P(PlantedBugs, AreFound) {
  constexpr std::uint64_t kMostSchedules = 2'000;
  for (std::uint64_t seed = 1; seed <= kMostSchedules; ++seed) {
    const Outcome outcome = Simulation(seed, GetParam().bug).run();
    if (!outcome.violation) continue;
    RecordProperty("seed", std::to_string(seed));
    RecordProperty("violation", *outcome.violation);
    return;
  }
  FAIL() << "no schedule finds that " << GetParam().what << " (" << GetParam().breaks << ")";
}

INSTANTIATE_TEST_SUITE_P(Simulation, PlantedBugs, testing::ValuesIn(kPlantedBugs),
                         [](const auto& planted) { return std::string(planted.param.name); });

}  // namespace
}  // namespace outboxd::simulation
