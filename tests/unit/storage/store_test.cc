#include "storage/store.h"

#include <fstream>

#include <gmock/gmock.h>

#include "tests/unit/storage/store_fixture.h"

namespace outboxd::storage {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class StoreTest : public StoreFixture {
 protected:
  // Commits entries of these texts, one group each, and closes the store.
  void commit_entries(const std::vector<std::string>& texts) {
    append(texts);
    close();
  }

  void append(const std::vector<std::string>& texts) {
    open();
    for (const std::string& text : texts) {
      store().begin().outbox().append({.topic = "orders", .envelope = text});
      store().accept();
      commit();
    }
  }

  // Overwrites `text` where it is in a log file.
  void damage(const std::string& text) {
    for (const auto& entry : fs::directory_iterator(path_)) {
      if (entry.path().extension() != ".log") continue;
      std::ifstream in(entry.path(), std::ios::binary);
      std::string bytes((std::istreambuf_iterator<char>(in)), {});
      const std::size_t at = bytes.find(text);
      if (at == std::string::npos) continue;
      bytes[at] = '?';
      std::ofstream(entry.path(), std::ios::binary) << bytes;
      return;
    }
    FAIL() << text << " is in no log";
  }

  // The pending entries from `from` on, as far as they can be read.
  std::vector<domain::Seq> seqs_from(domain::Seq from) {
    std::vector<domain::Seq> seqs;
    (void)store().scan_outbox(from, [&](const domain::OutboxEntry& entry) {
      seqs.push_back(entry.seq);
      return true;
    });
    return seqs;
  }

  StoreOptions repairing() {
    StoreOptions repairing = options();
    repairing.repair = true;
    return repairing;
  }
};

TEST_F(StoreTest, G12EachOpeningTakesAHigherEpoch) {
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) {
    open();
    EXPECT_EQ(store().epoch(), epoch);
  }
}

TEST_F(StoreTest, ADirectoryOfAnotherProducerThatDeliveredIsRefused) {
  open();
  store().begin().outbox().append({.topic = "t", .envelope = "e"});
  store().accept();
  commit();
  complete_through(1);
  close();
  StoreOptions other = options();
  other.producer = "till-2";
  EXPECT_THAT(OutboxStore::open(other).error().message,
              HasSubstr("producer 'till-1', not of 'till-2'"));
}

TEST_F(StoreTest, DurableProgressFollowsTheDisk) {
  open();
  store().begin().outbox().append({.topic = "t", .envelope = "e"});
  store().accept();
  auto group = store().seal();
  EXPECT_EQ(store().durable_progress().next_seq, 1U);
  ASSERT_TRUE(group->write().ok());
  EXPECT_EQ(store().durable_progress().next_seq, 2U);
  store().retire(std::move(group));
  complete_through(1);
  EXPECT_EQ(store().durable_progress().completed_seq, 1U);
}

TEST_F(StoreTest, StatisticsTellTheBacklogAndItsAge) {
  open();
  EXPECT_EQ(store().stats()->oldest_pending_time_ms, 0);
  append_entries(10, 100);
  complete_through(3);
  EXPECT_EQ(store().stats()->pending_entries, 7U);
  EXPECT_EQ(store().stats()->oldest_pending_time_ms, 1003);
  EXPECT_GT(store().stats()->disk_bytes, 1000U);
}

TEST_F(StoreTest, AnIntactStoreReportsNothingFromRecovery) {
  commit_entries({"first", "second"});
  open();
  EXPECT_FALSE(store().recovery().torn_tail_dropped);
  EXPECT_FALSE(store().recovery().repaired());
}

TEST_F(StoreTest, G10LostAcknowledgedCommitsRefuseToOpen) {
  commit_entries({"entry-1", "entry-2", "entry-3", "entry-4", "entry-5"});
  damage("entry-3");
  const auto refused = OutboxStore::open(options());
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("--repair"));
}

TEST_F(StoreTest, RepairNamesExactlyTheEntriesThatAreLost) {
  commit_entries({"entry-1", "entry-2", "entry-3", "entry-4", "entry-5", "entry-6"});
  damage("entry-2");
  damage("entry-4");
  open(repairing());
  const StoreRecovery& recovery = store().recovery();
  ASSERT_EQ(recovery.damages.size(), 2U);
  EXPECT_EQ(recovery.damages[0].events, (SeqRange{2, 2}));
  EXPECT_EQ(recovery.damages[1].events, (SeqRange{4, 4}));
  EXPECT_THAT(recovery.lost, ElementsAre(SeqRange{2, 2}, SeqRange{4, 4}));
  EXPECT_FALSE(recovery.lost_entries_replaced);
  EXPECT_TRUE(fs::exists(recovery.copy_directory));
  EXPECT_THAT(seqs_from(1), ElementsAre(1)) << "a hole is never passed over";
  EXPECT_THAT(seqs_from(3), ElementsAre(3));
  EXPECT_THAT(seqs_from(5), ElementsAre(5, 6));
  EXPECT_EQ(store().progress_at_open().next_seq, 7U) << "a number is never given out twice";
  open();
  EXPECT_FALSE(store().recovery().repaired());
  EXPECT_THAT(store().verify()->problems, ElementsAre(HasSubstr("2 to 2"), HasSubstr("4 to 4")));
}

TEST_F(StoreTest, G3RepairPutsEntriesInThePlaceOfLostOnesWhenToldHow) {
  commit_entries({"entry-1", "entry-2", "entry-3", "entry-4"});
  damage("entry-2");
  StoreOptions replacing = repairing();
  replacing.lost_entry = [](domain::Seq seq) {
    return domain::OutboxEntry{.topic = "lost", .envelope = "lost " + std::to_string(seq)};
  };
  open(replacing);
  EXPECT_TRUE(store().recovery().lost_entries_replaced);
  EXPECT_THAT(store().recovery().lost, ElementsAre(SeqRange{2, 2}));
  open();
  EXPECT_THAT(pending(), ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(store().verify()->problems.empty());
}

TEST_F(StoreTest, RepairDoesNotCallEntriesLostThatWereComplete) {
  open();
  for (const char* text : {"entry-1", "entry-2", "entry-3"}) {
    store().begin().outbox().append({.topic = "orders", .envelope = text});
    store().accept();
    commit();
  }
  complete_through(3);
  close();
  damage("entry-2");
  open(repairing());
  EXPECT_EQ(store().recovery().damages.at(0).events, (SeqRange{2, 2})) << "their state is lost";
  EXPECT_TRUE(store().recovery().lost.empty());
}

TEST_F(StoreTest, ATornLastGroupIsDroppedWholly) {
  append({"entry-1", "entry-2"});
  kill();
  damage("entry-2");  // nothing follows it
  open();
  EXPECT_TRUE(store().recovery().torn_tail_dropped);
  EXPECT_THAT(pending(), ElementsAre(1));
  EXPECT_EQ(store().progress_at_open().next_seq, 2U);
  EXPECT_TRUE(store().verify()->problems.empty());
}

TEST_F(StoreTest, G10AfterACleanCloseTheLossOfTheLastGroupIsNoticedAndTold) {
  commit_entries({"entry-1", "entry-2", "entry-3"});
  damage("entry-3");
  EXPECT_THAT(OutboxStore::open(options()).error().message, HasSubstr("ends too early"));
  open(repairing());
  ASSERT_EQ(store().recovery().damages.size(), 1U);
  EXPECT_EQ(store().recovery().damages[0].after, 2U) << "what came after it is lost";
  EXPECT_EQ(store().recovery().damages[0].events, std::nullopt) << "nobody knows how many";
  EXPECT_THAT(pending(), ElementsAre(1, 2));
  open();
  EXPECT_FALSE(store().recovery().repaired());
}

TEST_F(StoreTest, G10AWholeLogThatIsGoneIsNoticedAndTold) {
  commit_entries({"entry-1", "entry-2"});
  for (const auto& entry : fs::directory_iterator(path_)) {
    if (entry.path().extension() == ".log") fs::remove(entry.path());
  }
  EXPECT_THAT(OutboxStore::open(options()).error().message, HasSubstr(".log is missing"));
  open(repairing());
  ASSERT_EQ(store().recovery().damages.size(), 1U);
  EXPECT_THAT(store().recovery().damages[0].what, HasSubstr(".log is missing"));
  EXPECT_THAT(pending(), ElementsAre());
}

}  // namespace
}  // namespace outboxd::storage
