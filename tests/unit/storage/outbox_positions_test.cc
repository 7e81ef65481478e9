// Positions of the outbox as they are found on a disk: by this release, by the one before it, and
// after damage.
#include "storage/outbox_positions.h"

#include <gmock/gmock.h>

#include "storage/chain.h"
#include "storage/families.h"
#include "storage/store.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/storage/encoded.h"

namespace outboxd::storage {
namespace {

using domain::Seq;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The records of the release before, which knew no chain.
std::string old_record(const std::string& fields, const std::string& envelope) {
  return "\x01" + fields + "\x07\xc0\xa6orders\xc4" +
         std::string(1, static_cast<char>(envelope.size())) + envelope;
}
std::string old_entry(const std::string& envelope) {
  return old_record("\x95", envelope) + "\x05";
}
std::string old_letter(const std::string& envelope) {
  return old_record("\x97", envelope) + "\x09\xa7refused\x05";
}

class OutboxPositions : public testing::Test {
 protected:
  // Writes to the directory behind the store's back.
  void write(const std::function<void(rocksdb::WriteBatch&, Database&)>& change) {
    store_.reset();
    DatabaseOptions options{.path = path_, .format_name = "outboxd"};
    for (const char* name : kFamilyNames) options.families.push_back({.name = name});
    options.families[static_cast<std::size_t>(Family::kState)].kinds = true;
    options.families[static_cast<std::size_t>(Family::kOutbox)].queue = true;
    auto database = Database::open(std::move(options));
    ASSERT_TRUE(database.ok()) << database.error().message;
    rocksdb::WriteBatch batch;
    change(batch, **database);
    ASSERT_TRUE((*database)->write_synced(batch).ok());
  }

  static void put(rocksdb::WriteBatch& batch, const Database& database, Family family,
                  std::string_view key, std::string_view value) {
    ASSERT_TRUE(batch.Put(database.family(static_cast<std::size_t>(family)), key, value).ok());
  }
  void put(Family family, std::string_view key, std::string_view value) {
    write([&](rocksdb::WriteBatch& batch, Database& database) {
      put(batch, database, family, key, value);
    });
  }
  void remove(Seq seq) {
    write([&](rocksdb::WriteBatch& batch, Database& database) {
      const auto family = database.family(static_cast<std::size_t>(Family::kOutbox));
      ASSERT_TRUE(batch.Delete(family, SeqKey(seq).view()).ok());
    });
  }

  // A directory as the release before left it: 1 complete, 2 and 6 pending, 3 and 7 buried, 4 and 5
  // buried and their letters discarded.
  void make_old_directory() {
    write([](rocksdb::WriteBatch& batch, Database& database) {
      put(batch, database, Family::kMeta, kHeadKey, std::string("\x01\x94\x07\x00\x02\x05", 6));
      put(batch, database, Family::kMeta, kCompletedKey, "\x01\x91\x01");
      put(batch, database, Family::kMeta, kProducerKey, "\x01\x91\xa6till-1");
      for (const Seq seq : {2U, 6U}) {
        put(batch, database, Family::kOutbox, SeqKey(seq).view(), old_entry("old"));
      }
      for (const Seq seq : {3U, 7U}) {
        put(batch, database, Family::kDead, SeqKey(seq).view(), old_letter("refused"));
      }
      for (const Seq seq : {4U, 5U}) {
        put(batch, database, Family::kDead, SeqKey(seq).view(), "\x01\x90");
      }
    });
  }

  void open(bool repair = false) {
    store_.reset();
    StoreOptions options{.path = path_, .producer = "till-1", .repair = repair, .clock = &clock_};
    if (repair) {
      options.lost_entry = [](Seq) {
        return domain::OutboxEntry{.topic = "outboxd", .envelope = "lost"};
      };
    }
    auto opened = OutboxStore::open(std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(opened).value();
  }

  void commit(const std::function<void(domain::UnitOfWork&)>& use_case) {
    use_case(store_->begin());
    store_->accept();
    auto group = store_->seal();
    ASSERT_TRUE(group->write().ok());
    store_->retire(std::move(group));
  }
  void append(const std::string& envelope) {
    commit([&](domain::UnitOfWork& work) {
      work.outbox().append({.topic = "orders", .envelope = envelope});
    });
  }

  // What is read from `from` on: envelopes, "-" for what was withdrawn, and the error that ends it.
  std::vector<std::string> positions(Seq from = 1) {
    std::vector<std::string> found;
    const auto status = store_->scan_positions(from, [&](const domain::OutboxPosition& position) {
      found.push_back(position.entry == nullptr ? "-" : position.entry->envelope);
      return true;
    });
    if (!status) found.push_back(status.error().message);
    return found;
  }

  std::vector<std::string> problems() { return store_->verify().value().problems; }

  const support::TemporaryDirectory directory_;
  const std::string path_ = directory_.file("data");
  support::ManualClock clock_;
  std::unique_ptr<OutboxStore> store_;
};

TEST_F(OutboxPositions, ADirectoryOfTheReleaseBeforeIsReadWithItsHolesExplained) {
  make_old_directory();
  open();
  EXPECT_THAT(positions(), ElementsAre("old", "-", "-", "-", "old", "-"));
  EXPECT_THAT(positions(4), ElementsAre("-", "-", "old", "-"));
  EXPECT_THAT(problems(), IsEmpty());
  for (Seq seq = 1; seq <= 7; ++seq) EXPECT_EQ(store_->chain_at(seq).value(), 0U);
}

TEST_F(OutboxPositions, G13TheChainOfAnOldDirectoryBeginsWithTheFirstNewEvent) {
  make_old_directory();
  open();
  append("new");
  EXPECT_EQ(store_->chain_at(8).value(), chain_after(0, 8, "new"));
  open();
  append("newer");
  EXPECT_THAT(positions(), ElementsAre("old", "-", "-", "-", "old", "-", "new", "newer"));
  EXPECT_EQ(store_->chain_at(9).value(), chain_after(chain_after(0, 8, "new"), 9, "newer"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(OutboxPositions, WhatIsOldIsBuriedAndCompletedLikeAnything) {
  make_old_directory();
  open();
  commit([](domain::UnitOfWork& work) {
    ASSERT_TRUE(work.outbox().bury(2, "refused", 9).ok());
    ASSERT_TRUE(work.dead_letters().remove(3).ok());
  });
  open();
  EXPECT_THAT(positions(), ElementsAre("-", "-", "-", "-", "old", "-"));
  for (const Seq completed : {3U, 5U, 7U}) {
    commit([&](domain::UnitOfWork& work) { work.outbox().complete_through(completed); });
    ASSERT_TRUE(store_->compact().ok());
    EXPECT_EQ(positions().size(), 7 - completed);
    EXPECT_EQ(store_->chain_at(completed).value(), 0U);
    EXPECT_THAT(problems(), IsEmpty());
  }
}

TEST_F(OutboxPositions, G13AHoleThatNothingExplainsIsAnErrorAndNoWithdrawal) {
  open();
  for (const char* envelope : {"a", "b", "c", "d"}) append(envelope);
  remove(2);
  remove(3);
  open();
  const auto missing = HasSubstr("events 2 to 3 are missing from the outbox");
  EXPECT_THAT(positions(), ElementsAre("a", missing));
  EXPECT_THAT(positions(2), ElementsAre(missing));
  EXPECT_THAT(positions(3), ElementsAre(HasSubstr("events 3 to 3 are missing")));
  EXPECT_THAT(positions(4), ElementsAre("d")) << "what can be read is";
  EXPECT_THAT(problems(), ElementsAre(missing));
}

TEST_F(OutboxPositions, G13AHoleAtTheEndIsAnErrorToo) {
  make_old_directory();
  open();
  append("a");
  append("b");
  remove(9);
  open();
  EXPECT_THAT(positions(7),
              ElementsAre("-", "a", HasSubstr("events 9 to 9 are missing from the outbox")));
  EXPECT_EQ(store_->progress_at_open().next_seq, 10U);
}

TEST_F(OutboxPositions, AHoleAboveTheWatermarkIsNoneOnceTheWatermarkHasPassed) {
  open();
  for (const char* envelope : {"a", "b", "c"}) append(envelope);
  remove(2);
  open();
  commit([](domain::UnitOfWork& work) { work.outbox().complete_through(2); });
  EXPECT_THAT(positions(), ElementsAre("c"));
  EXPECT_EQ(store_->chain_at(2).value(), 0U) << "nobody knows it";
}

TEST_F(OutboxPositions, G13AnEntryOfAnotherHistoryIsAnError) {
  open();
  for (const char* envelope : {"a", "b", "c"}) append(envelope);
  put(Family::kOutbox, SeqKey(2).view(),
      encoded(domain::OutboxEntry{.topic = "orders", .envelope = "B", .chain = 4711}));
  open();
  const auto broken = HasSubstr("event 2 does not follow from event 1");
  EXPECT_THAT(positions(), ElementsAre("a", broken));
  EXPECT_THAT(positions(2), ElementsAre(broken)) << "also where reading begins with it";
  EXPECT_THAT(problems(), ElementsAre(broken, HasSubstr("event 3 does not follow from event 2")));
}

TEST_F(OutboxPositions, AHoleIsRepairedThoughTheLogIsSound) {
  open();
  for (const char* envelope : {"a", "b", "c", "d"}) append(envelope);
  const std::uint64_t last = store_->chain_at(4).value();
  remove(2);
  remove(3);
  open(/*repair=*/true);
  EXPECT_TRUE(store_->recovery().repaired());
  EXPECT_THAT(store_->recovery().lost, ElementsAre(SeqRange{2, 3}));
  open();
  EXPECT_THAT(positions(), ElementsAre("a", "lost", "lost", "d"));
  EXPECT_THAT(problems(), IsEmpty());
  const std::uint64_t second = chain_after(chain_after(0, 1, "a"), 2, "lost");
  EXPECT_EQ(store_->chain_at(2).value(), second);
  EXPECT_EQ(store_->chain_at(3).value(), chain_after(second, 3, "lost"));
  EXPECT_EQ(store_->chain_at(4).value(), last) << "what was published stays as it was";
  append("e");
  EXPECT_THAT(positions(4), ElementsAre("d", "e"));
  open(/*repair=*/true);
  EXPECT_FALSE(store_->recovery().repaired());
}

TEST_F(OutboxPositions, AnEntryThatDoesNotDecodeIsReplacedLikeAHole) {
  open();
  for (const char* envelope : {"a", "b", "c", "d"}) append(envelope);
  remove(2);
  put(Family::kOutbox, SeqKey(3).view(), "garbage");
  open(/*repair=*/true);
  EXPECT_THAT(store_->recovery().lost, ElementsAre(SeqRange{2, 3}));
  open();
  EXPECT_THAT(positions(), ElementsAre("a", "lost", "lost", "d"));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(OutboxPositions, G14AfterARepairAnEntryOfAnotherHistoryStaysWithoutAChain) {
  open();
  for (const char* envelope : {"a", "b", "c"}) append(envelope);
  const std::uint64_t last = store_->chain_at(3).value();
  put(Family::kOutbox, SeqKey(2).view(),
      encoded(domain::OutboxEntry{.topic = "orders", .envelope = "B", .chain = 4711}));
  open(/*repair=*/true);
  EXPECT_THAT(store_->recovery().unchained, ElementsAre(2));
  EXPECT_THAT(store_->recovery().lost, IsEmpty());
  open();
  EXPECT_THAT(positions(), ElementsAre("a", "B", "c"));
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_EQ(store_->chain_at(2).value(), 0U);
  EXPECT_EQ(store_->chain_at(3).value(), last);
}

TEST_F(OutboxPositions, TheChainGoesOnFromSubstitutesAtTheEnd) {
  open();
  for (const char* envelope : {"a", "b"}) append(envelope);
  remove(2);
  open(/*repair=*/true);
  append("c");
  EXPECT_THAT(positions(), ElementsAre("a", "lost", "c"));
  const std::uint64_t second = chain_after(chain_after(0, 1, "a"), 2, "lost");
  EXPECT_EQ(store_->chain_at(3).value(), chain_after(second, 3, "c"));
}

}  // namespace
}  // namespace outboxd::storage
