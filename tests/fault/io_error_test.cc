// Writes, syncs, reads and opens that fail: the store stops (G10), and nothing acknowledged is
// lost.
#include <iostream>

#include <gtest/gtest.h>

#include "tests/fault/io_error_sweep.h"
#include "tests/support/sanitizers.h"

namespace outboxd::fault {
namespace {

constexpr std::uint64_t kSeed = 20110209;

// As for power cuts, a sanitizer has time for a sample. Odd, since faults that happen once and
// those that stay take turns.
const std::size_t kStride = support::sampled_every(9);

IoErrorReport expect_none_lost(IoErrorOptions options) {
  options.every *= kStride;
  const IoErrorReport report = sweep_io_errors(options);
  std::cout << report.cases << " faults, " << report.stopped << " stopped the store, "
            << report.aborted << " aborted the process, " << report.opened << " disks opened";
  if (kStride > 1) std::cout << "; with a sanitizer, every " << kStride << "th fault only";
  std::cout << "\n";
  EXPECT_GT(report.stopped + report.aborted, 0U);
  std::string text;
  for (const std::string& violation : report.violations) text += violation + "\n";
  EXPECT_EQ(text, "");
  return report;
}

// Also what becomes of an assertion that fails inside RocksDB.
TEST(Aborts, AtAWriteLoseNothingAcknowledged) {
  const IoErrorReport report = expect_none_lost({.seed = kSeed,
                                                 .stretches = 2,
                                                 .accesses = {Access::kWrite},
                                                 .causes = {Fault::Cause::kAbort},
                                                 .every = 5});
  EXPECT_EQ(report.aborted, report.cases);
}

TEST(IoErrors, OfAnySyncStopTheStoreAndLoseNothingAcknowledged) {
  expect_none_lost({.seed = kSeed, .accesses = {Access::kSync}});
}

TEST(IoErrors, OfAnyWriteStopTheStoreAndLoseNothingAcknowledged) {
  expect_none_lost({.seed = kSeed, .accesses = {Access::kWrite}});
}

TEST(IoErrors, OfAnyOpenLoseNothingAcknowledged) {
  expect_none_lost({.seed = kSeed, .accesses = {Access::kOpen}});
}

TEST(IoErrors, OfReadsLoseNothingAcknowledged) {
  expect_none_lost({.seed = kSeed, .accesses = {Access::kRead}, .every = 3});
}

}  // namespace
}  // namespace outboxd::fault
