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
