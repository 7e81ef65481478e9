#include "storage/lost_commits.h"

#include <gmock/gmock.h>

#include "storage/families.h"
#include "storage/records.h"
#include "tests/support/temporary_directory.h"

namespace outboxd::storage {
namespace {

using domain::Seq;
using testing::ElementsAre;
using testing::IsEmpty;

class LostCommits : public testing::Test {
 protected:
  void SetUp() override {
    DatabaseOptions options{.path = directory_.file("data"), .format_name = "test"};
    for (const char* name : kFamilyNames) options.families.push_back({.name = name});
    auto opened = Database::open(std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    database_ = std::move(opened).value();
  }

  rocksdb::ColumnFamilyHandle* family(Family family) {
    return database_->family(static_cast<std::size_t>(family));
  }

  void put_entries(Family where, const std::vector<Seq>& seqs) {
    rocksdb::WriteBatch batch;
    for (const Seq seq : seqs) {
      ASSERT_TRUE(batch.Put(family(where), SeqKey(seq).view(), "entry").ok());
    }
    ASSERT_TRUE(database_->write_synced(batch).ok());
  }

  // The bytes of a group with these entries and, if not 0, a head at `last`.
  std::string batch_of(const std::vector<Seq>& seqs, Seq last) {
    rocksdb::WriteBatch batch;
    EXPECT_TRUE(batch.Put(family(Family::kState), "o1", "order").ok());
    EXPECT_TRUE(batch.Delete(family(Family::kState), "k1").ok());
    for (const Seq seq : seqs) {
      EXPECT_TRUE(batch.Put(family(Family::kOutbox), SeqKey(seq).view(), "entry").ok());
    }
    if (last != 0) {
      std::string head;
      encode(HeadRecord{.last_seq = last}, head);
      EXPECT_TRUE(batch.Put(family(Family::kMeta), kHeadKey, head).ok());
    }
    return batch.Data();
  }

  std::vector<SeqRange> holes(Seq completed, Seq last) {
    return find_holes(*database_, {.head = {.last_seq = last}, .completed = completed}).value();
  }

  const support::TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
};

TEST_F(LostCommits, AnOutboxWithoutGapsHasNoHoles) {
  EXPECT_THAT(holes(0, 0), IsEmpty());
  put_entries(Family::kOutbox, {1, 2, 3});
  EXPECT_THAT(holes(0, 3), IsEmpty());
  EXPECT_THAT(holes(3, 3), IsEmpty());
}

TEST_F(LostCommits, HolesAreFoundAtTheBeginningInTheMiddleAndAtTheEnd) {
  put_entries(Family::kOutbox, {6, 7, 10, 300});
  EXPECT_THAT(holes(3, 302),
              ElementsAre(SeqRange{4, 5}, SeqRange{8, 9}, SeqRange{11, 299}, SeqRange{301, 302}));
}

TEST_F(LostCommits, ABuriedEntryIsNoHole) {
  put_entries(Family::kOutbox, {1, 3});
  put_entries(Family::kDead, {2, 4});
  EXPECT_THAT(holes(0, 4), IsEmpty());
}

TEST_F(LostCommits, DeadLettersAreCountedAgain) {
  put_entries(Family::kDead, {2, 4, 7});
  std::string removed;
  encode_removed_letter(removed);
  rocksdb::WriteBatch batch;
  ASSERT_TRUE(batch.Put(family(Family::kDead), SeqKey(4).view(), removed).ok());
  ASSERT_TRUE(database_->write_synced(batch).ok());
  HeadRecord head{.last_seq = 7, .revision = 3, .dead = 9, .elapsed_ms = 5};
  ASSERT_TRUE(count_dead_again(*database_, head).ok());
  EXPECT_EQ(head, (HeadRecord{7, 3, 2, 5}));
  std::string stored;
  ASSERT_TRUE(database_->db().Get({}, family(Family::kMeta), kHeadKey, &stored).ok());
  EXPECT_EQ(decode_head(stored).value(), head);
}

TEST_F(LostCommits, HolesAreFilledWithWhatTheCallerMakes) {
  put_entries(Family::kOutbox, {1, 5000});
  const auto found = holes(0, 5000);
  const auto lost_entry = [](Seq) {
    return domain::OutboxEntry{.topic = "lost", .envelope = std::string(1000, 'x')};
  };
  ASSERT_TRUE(fill_holes(*database_, found, lost_entry).ok());
  EXPECT_THAT(holes(0, 5000), IsEmpty());
}

TEST_F(LostCommits, TheEventsBetweenTwoIntactGroupsAreTheLostOnes) {
  EXPECT_EQ(events_between(*database_, {.batch_before = batch_of({7, 8}, 8),
                                        .batch_after = batch_of({12, 13}, 13)}),
            (SeqRange{9, 11}));
  EXPECT_EQ(events_between(*database_,
                           {.batch_before = batch_of({7, 8}, 8), .batch_after = batch_of({}, 10)}),
            (SeqRange{9, 10}));
}

TEST_F(LostCommits, WhereTheGroupsDoNotTellNothingIsClaimed) {
  const std::string eight = batch_of({8}, 8);
  EXPECT_EQ(events_between(*database_, {.batch_before = eight, .batch_after = batch_of({9}, 9)}),
            std::nullopt);
  EXPECT_EQ(events_between(*database_, {.batch_before = "", .batch_after = eight}), std::nullopt);
  EXPECT_EQ(events_between(*database_, {.batch_before = eight, .batch_after = batch_of({}, 0)}),
            std::nullopt);
}

}  // namespace
}  // namespace outboxd::storage
