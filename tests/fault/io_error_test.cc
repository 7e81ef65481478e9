// Writes, syncs, reads and opens that fail: the store stops (G10), and nothing acknowledged is
// lost.
#include <iostream>

#include <gtest/gtest.h>

#include "tests/fault/io_error_sweep.h"

namespace outboxd::fault {
namespace {

constexpr std::uint64_t kSeed = 20110209;

void expect_none_lost(const IoErrorOptions& options) {
  const IoErrorReport report = sweep_io_errors(options);
  std::cout << report.cases << " faults, " << report.stopped << " stopped the store, "
            << report.aborted << " aborted the process, " << report.opened << " disks opened\n";
  EXPECT_GT(report.stopped, 0U);
  std::string text;
  for (const std::string& violation : report.violations) text += violation + "\n";
  EXPECT_EQ(text, "");
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
