// Disks that lose what they had promised: whatever can be noticed is noticed, nothing that clients
// wrote is ever a record, and there is a way out of each state.
#include "tests/fault/lost_logs.h"

#include <iostream>

#include <gmock/gmock.h>

#include "tests/fault/power_cut_sweep.h"
#include "tests/support/sanitizers.h"

namespace outboxd::fault {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr std::uint64_t kSeed = 20101201;

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(LogRun, KeepsSeveralLogs) {
  const LogRun run = play_log_run(Ending::kKilled, kSeed);
  std::size_t logs = 0;
  for (const auto& [path, contents] : run.disk.files) {
    logs += path.ends_with(".log") && contents->size() > 10'000 ? 1 : 0;
  }
  EXPECT_GE(logs, 4U);
  EXPECT_FALSE(run.earlier.empty());
}

// Whatever STORE says, a power cut is never taken for a loss.
TEST(LogRun, G1PowerCutsAtEveryPointRaiseNoFalseAlarm) {
  const std::size_t stride = support::sampled_every(10);
  const SweepReport report = sweep_power_cuts(new_box(), record_log_run(), check_log_run,
                                              {.seed = kSeed, .shards = stride});
  std::cout << report.cut_points << " cut points, " << report.opened << " disks opened\n";
  EXPECT_GT(report.opened, 500U / stride);
  EXPECT_EQ(text_of(report.violations), "");
}

class LostLogs : public ::testing::TestWithParam<Ending> {};

TEST_P(LostLogs, G10AreNoticedOrCostNothingAndRepairSaysWhatIsGone) {
  const LossReport report = sweep_losses(play_log_run(GetParam(), kSeed));
  std::cout << report.cases << " losses, " << report.refused << " refused, " << report.unnoticed
            << " beyond notice\n";
  EXPECT_GT(report.refused, 20U);
  EXPECT_EQ(text_of(report.violations), "");
  // The end of the newest log after a stop without a close cannot be missed; after a close it is.
  EXPECT_EQ(report.unnoticed > 0, GetParam() != Ending::kClosed);
}

INSTANTIATE_TEST_SUITE_P(Each, LostLogs,
                         ::testing::Values(Ending::kClosed, Ending::kKilled, Ending::kPowerCut),
                         [](const auto& each) {
                           std::string name(name_of(each.param));
                           std::erase(name, ' ');
                           return name;
                         });

TEST(PlantedLogBugs, NoStoreFileIsReported) {
  const LossReport report =
      sweep_losses(play_log_run(Ending::kKilled, kSeed), without_store_file());
  EXPECT_THAT(report.violations, Contains(HasSubstr("starts without a word")));
}

TEST(PlantedLogBugs, NoComparisonOfNumbersAcrossLogsIsReported) {
  const LossReport report = sweep_losses(play_log_run(Ending::kKilled, kSeed), without_sequence());
  EXPECT_THAT(report.violations, Contains(HasSubstr("starts without a word")));
}

TEST(PlantedLogBugs, TrustInWhatClientsWroteIsReported) {
  const LossReport report = sweep_losses(play_log_run(Ending::kKilled, kSeed), trusting_payloads());
  EXPECT_THAT(report.violations, Contains(HasSubstr("'forged' was never written")));
}

}  // namespace
}  // namespace outboxd::fault
