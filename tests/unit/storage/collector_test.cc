#include "storage/collector.h"

#include <thread>

#include "tests/unit/storage/store_fixture.h"

namespace outboxd::storage {
namespace {

class CollectorTest : public StoreFixture {
 protected:
  static constexpr int kEntries = 100'000;
  static constexpr std::size_t kEntryBytes = 391;  // some 420 in a table
  static constexpr std::uintmax_t kMegabyte = 1 << 20;

  // As a background thread would for `seconds`.
  void collect_for(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock_.advance_ms(1000);
      ASSERT_TRUE(store().collect().ok());
    }
  }
};

TEST_F(CollectorTest, FreesTheDiskWithinAMinuteAfterEverythingIsComplete) {
  open();
  append_entries(kEntries, kEntryBytes);
  ASSERT_GT(bytes_on_disk(), 40 * kMegabyte);
  complete_through(kEntries);
  collect_for(60);
  EXPECT_LT(bytes_on_disk(), 2 * kMegabyte);
  EXPECT_LT(store().stats()->disk_bytes, kMegabyte);
}

TEST_F(CollectorTest, FreesMostOfTheDiskAtOnceEvenWhileTheStoreIsBusy) {
  open();
  append_entries(kEntries, kEntryBytes);
  complete_through(kEntries - 1000);
  append_entries(1, kEntryBytes);
  // A compaction that happens to run holds on to its files until it is done.
  constexpr int kMostSteps = 100'000;
  for (int i = 0; i < kMostSteps; ++i) {
    ASSERT_TRUE(store().collect().ok());
    if (bytes_on_disk() < 32 * kMegabyte) break;
    std::this_thread::yield();
  }
  EXPECT_LT(bytes_on_disk(), 32 * kMegabyte);
  EXPECT_EQ(pending().size(), 1001U);
}

TEST_F(CollectorTest, LeavesWhatIsNotComplete) {
  open();
  append_entries(kEntries, kEntryBytes);
  complete_through(kEntries / 2);
  collect_for(60);
  ASSERT_TRUE(store().compact().ok());
  const auto check = [&] {
    const auto seqs = pending();
    ASSERT_EQ(seqs.size(), std::size_t{kEntries / 2});
    EXPECT_EQ(seqs.front(), domain::Seq{kEntries / 2 + 1});
    EXPECT_EQ(seqs.back(), domain::Seq{kEntries});
    EXPECT_TRUE(store().verify()->problems.empty());
  };
  check();
  open();
  check();
}

TEST_F(CollectorTest, G5AWatermarkThatIsNotDurableRemovesNothing) {
  open();
  append_entries(10'000, kEntryBytes);
  store().begin().outbox().complete_through(10'000);
  store().accept();
  auto sealed = store().seal();
  ASSERT_NE(sealed, nullptr);
  collect_for(60);
  ASSERT_TRUE(store().compact().ok());
  EXPECT_EQ(pending().size(), 10'000U);
  sealed.reset();  // the power went before it was written
  open();
  EXPECT_EQ(pending().size(), 10'000U);
  EXPECT_TRUE(store().verify()->problems.empty());
}

TEST_F(CollectorTest, DoesNotWearTheDiskForLittle) {
  open();
  append_entries(1000, kEntryBytes);
  complete_through(1000);
  const auto before = bytes_on_disk();
  collect_for(60);
  EXPECT_EQ(bytes_on_disk(), before);
}

TEST_F(CollectorTest, CompactingRemovesExpiredRequestRecords) {
  open();
  const auto id = domain::RequestId::parse("r-1").value();
  store().begin().requests().put(id, {"digest", "outcome", clock_.wall_ms()});
  store().accept();
  commit();
  ASSERT_TRUE(store().compact().ok());
  EXPECT_EQ(store().verify()->request_records, 1U);
  clock_.advance_ms(kDefaultRequestTtlMs + 1);
  ASSERT_TRUE(store().compact().ok());
  EXPECT_EQ(store().verify()->request_records, 0U);
}

}  // namespace
}  // namespace outboxd::storage
