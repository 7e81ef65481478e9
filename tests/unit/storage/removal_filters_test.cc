#include "storage/removal_filters.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "storage/families.h"
#include "storage/records.h"
#include "tests/support/manual_clock.h"

namespace outboxd::storage {
namespace {

bool removes(rocksdb::CompactionFilterFactory& factory, std::string_view key,
             std::string_view value) {
  const auto filter = factory.CreateCompactionFilter({});
  std::string new_value;
  bool changed = false;
  return filter->Filter(0, rocksdb::Slice(key), rocksdb::Slice(value), &new_value, &changed);
}

TEST(CompletedEntriesFilter, RemovesUpToThePublishedWatermark) {
  const auto progress = std::make_shared<DurableProgress>();
  const auto factory = completed_entries_filter(progress);
  EXPECT_FALSE(removes(*factory, SeqKey(1).view(), ""));
  progress->publish(/*last_seq=*/300, /*completed=*/256, /*dead=*/0);
  EXPECT_TRUE(removes(*factory, SeqKey(1).view(), ""));
  EXPECT_TRUE(removes(*factory, SeqKey(256).view(), ""));
  EXPECT_FALSE(removes(*factory, SeqKey(257).view(), ""));
  EXPECT_FALSE(removes(*factory, "no number", "")) << "verify() shall find it";
}

TEST(CompletedEntriesFilter, WorksOnFlushesAndCompactionsButNotOnRecovery) {
  const auto factory = completed_entries_filter(std::make_shared<DurableProgress>());
  using Reason = rocksdb::TableFileCreationReason;
  EXPECT_TRUE(factory->ShouldFilterTableFileCreation(Reason::kFlush));
  EXPECT_TRUE(factory->ShouldFilterTableFileCreation(Reason::kCompaction));
  EXPECT_FALSE(factory->ShouldFilterTableFileCreation(Reason::kRecovery));
}

TEST(RemovedLettersFilter, RemovesOnlyWhatStandsForRemovedLettersUpToTheWatermark) {
  const auto progress = std::make_shared<DurableProgress>();
  const auto factory = removed_letters_filter(progress);
  std::string removed;
  encode_removed_letter(removed);
  std::string letter;
  encode(domain::DeadEntry{}, letter);
  EXPECT_FALSE(removes(*factory, SeqKey(1).view(), removed));
  progress->publish(/*last_seq=*/9, /*completed=*/5, /*dead=*/1);
  EXPECT_TRUE(removes(*factory, SeqKey(5).view(), removed));
  EXPECT_FALSE(removes(*factory, SeqKey(6).view(), removed)) << "the number would look lost";
  EXPECT_FALSE(removes(*factory, SeqKey(5).view(), letter)) << "letters stay for people to see";
}

TEST(ExpiredMarksFilter, GoesByTheDurableElapsedTime) {
  const auto progress = std::make_shared<DurableProgress>();
  const auto factory = expired_marks_filter(progress, /*ttl_ms=*/1000);
  std::string mark;
  encode_number(500, mark);
  EXPECT_FALSE(removes(*factory, "m", mark)) << "before the store was read";
  progress->publish(0, 0, 0, /*elapsed_ms=*/1500);
  EXPECT_FALSE(removes(*factory, "m", mark));
  progress->publish(0, 0, 0, /*elapsed_ms=*/1501);
  EXPECT_TRUE(removes(*factory, "m", mark));
  EXPECT_FALSE(removes(*factory, "m", "garbage")) << "verify() shall find it";
}

TEST(ExpiredMarksFilter, KeepsEverythingForTheLongestTimeToLive) {
  const auto progress = std::make_shared<DurableProgress>();
  progress->publish(0, 0, 0, std::numeric_limits<std::int64_t>::max() / 2);
  const auto factory = expired_marks_filter(progress, std::numeric_limits<std::int64_t>::max());
  std::string mark;
  encode_number(0, mark);
  EXPECT_FALSE(removes(*factory, "m", mark));
}

TEST(ExpiredRequestsFilter, RemovesRecordsThatAreOlderThanTheirTimeToLive) {
  support::ManualClock clock;
  const auto factory = expired_requests_filter(clock, /*ttl_ms=*/1000);
  std::string record;
  encode(domain::RequestRecord{"digest", "outcome", clock.wall_ms()}, record);
  EXPECT_FALSE(removes(*factory, "r-1", record));
  clock.advance_ms(1000);
  EXPECT_FALSE(removes(*factory, "r-1", record));
  clock.advance_ms(1);
  EXPECT_TRUE(removes(*factory, "r-1", record));
  EXPECT_FALSE(removes(*factory, "r-1", "garbage")) << "verify() shall find it";
}

TEST(ExpiredRequestsFilter, KeepsRecordsWhenTheClockWentBack) {
  support::ManualClock clock;
  std::string record;
  encode(domain::RequestRecord{"digest", "outcome", clock.wall_ms()}, record);
  clock.advance_ms(-clock.wall_ms());
  EXPECT_FALSE(removes(*expired_requests_filter(clock, 1000), "r-1", record));
}

TEST(ExpiredRequestsFilter, KeepsEverythingForTheLongestTimeToLive) {
  support::ManualClock clock;
  clock.advance_ms(-clock.wall_ms() - 1000);  // before 1970
  std::string record;
  encode(domain::RequestRecord{"digest", "outcome", std::numeric_limits<std::int64_t>::min()},
         record);
  const auto factory = expired_requests_filter(clock, std::numeric_limits<std::int64_t>::max());
  EXPECT_FALSE(removes(*factory, "r-1", record));
}

}  // namespace
}  // namespace outboxd::storage
