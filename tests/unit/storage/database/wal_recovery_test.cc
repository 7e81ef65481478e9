// Power cuts leave torn tails, disks lose what they promised: the first is repaired without a word,
// the second never.
#include "storage/database/wal_recovery.h"

#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>

#include "storage/database/wal_scan.h"
#include "tests/support/temporary_directory.h"

namespace outboxd::storage {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A database of two families: `wide` gets much and is flushed to tables, `narrow` gets little and
// stays in the log.
class WalRecovery : public testing::Test {
 protected:
  static constexpr std::size_t kWide = 0;
  static constexpr std::size_t kNarrow = 1;

  domain::Result<std::unique_ptr<Database>> open(bool repair = false) {
    return Database::open({.path = path_,
                           .families = {{.name = "wide"}, {.name = "narrow"}},
                           .format_name = "test",
                           .repair = repair});
  }

  // Commits numbers first … last, each to both families in one batch with `bytes` of ballast. Then
  // the process is killed.
  void commit(int first, int last, std::size_t bytes) {
    std::string killed;
    commit_and_close(first, last, bytes, &killed);
    write(store_file(), killed);
  }

  // The same; then the database is closed. `killed` gets STORE as it is before that, which is all
  // that a clean close changes but for the zeros at the end of the log.
  void commit_and_close(int first, int last, std::size_t bytes, std::string* killed = nullptr) {
    auto database = open();
    ASSERT_TRUE(database.ok()) << database.error().message;
    for (int i = first; i <= last; ++i) {
      rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
      std::string ballast(bytes, 'x');
      for (std::size_t k = 0; k < bytes; ++k) ballast[k] = static_cast<char>(k * 31 + k / 7);
      const std::string key = std::to_string(1000 + i);
      ASSERT_TRUE(batch.Put((*database)->family(kWide), key, ballast).ok());
      ASSERT_TRUE(batch.Put((*database)->family(kNarrow), key, "x").ok());
      ASSERT_TRUE((*database)->write_synced(batch).ok());
    }
    if (killed != nullptr) *killed = read(store_file());
  }

  fs::path store_file() const { return fs::path(path_) / "STORE"; }

  static std::set<int> numbers_in(const Database& database, std::size_t family) {
    std::set<int> numbers;
    const std::unique_ptr<rocksdb::Iterator> entries(
        database.db().NewIterator({}, database.family(family)));
    for (entries->SeekToFirst(); entries->Valid(); entries->Next()) {
      numbers.insert(std::stoi(entries->key().ToString()) - 1000);
    }
    EXPECT_TRUE(entries->status().ok());
    return numbers;
  }

  static std::set<int> range(int first, int last) {
    std::set<int> numbers;
    for (int i = first; i <= last; ++i) numbers.insert(i);
    return numbers;
  }

  std::vector<fs::path> logs() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(path_)) {
      if (entry.path().extension() == ".log") found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  std::vector<fs::path> copies() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(path_)) {
      if (entry.path().filename().string().starts_with("damaged-")) found.push_back(entry.path());
    }
    return found;
  }

  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  static void write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  static void flip(const fs::path& path, std::size_t at) {
    std::string bytes = read(path);
    bytes.at(at) = static_cast<char>(bytes[at] ^ 0x20);
    write(path, bytes);
  }

  void expect_torn_tail(const std::set<int>& survivors) {
    auto database = open();
    ASSERT_TRUE(database.ok()) << database.error().message;
    EXPECT_TRUE((*database)->recovery().torn_tail_dropped);
    EXPECT_TRUE((*database)->recovery().lost.empty());
    EXPECT_EQ(numbers_in(**database, kWide), survivors);
    EXPECT_EQ(numbers_in(**database, kNarrow), survivors);
    EXPECT_TRUE(copies().empty());
    database.value().reset();
    auto again = open();
    ASSERT_TRUE(again.ok());
    EXPECT_FALSE((*again)->recovery().torn_tail_dropped) << "it is gone for good";
    EXPECT_EQ(numbers_in(**again, kWide), survivors);
  }

  const support::TemporaryDirectory directory_;
  const std::string path_ = directory_.file("data");
};

TEST_F(WalRecovery, AnIntactLogIsReplayedWholly) {
  commit(1, 10, 50'000);
  auto database = open();
  ASSERT_TRUE(database.ok());
  EXPECT_EQ(numbers_in(**database, kNarrow), range(1, 10));
  EXPECT_FALSE((*database)->recovery().torn_tail_dropped);
}

TEST_F(WalRecovery, ATornTailCostsTheLastWriteOnly) {
  commit(1, 10, 50'000);
  int last = 10;
  for (const std::size_t cut : {1UL, 20'000UL, 49'000UL}) {
    const fs::path log = logs().back();
    write(log, read(log).substr(0, read(log).size() - cut));
    expect_torn_tail(range(1, last - 1));
    commit(last, last + 1, 50'000);
    ++last;
  }
}

TEST_F(WalRecovery, AGarbageTailCostsTheLastWriteOnly) {
  commit(1, 10, 50'000);
  std::string bytes = read(logs().back());
  for (std::size_t i = bytes.size() - 30'000; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i);
  write(logs().back(), bytes);
  expect_torn_tail(range(1, 9));
}

TEST_F(WalRecovery, AZeroedPageInTheLastWriteCostsThatWriteOnly) {
  commit(1, 10, 50'000);
  std::string bytes = read(logs().back());
  bytes.replace(bytes.size() - 40'000, 4096, 4096, '\0');
  write(logs().back(), bytes);
  expect_torn_tail(range(1, 9));
}

TEST_F(WalRecovery, AZeroTailIsSpaceAllocatedAheadAndNothingIsDropped) {
  commit(1, 10, 500);
  write(logs().back(), read(logs().back()) + std::string(100'000, '\0'));
  auto database = open();
  ASSERT_TRUE(database.ok());
  EXPECT_FALSE((*database)->recovery().torn_tail_dropped);
  EXPECT_EQ(numbers_in(**database, kWide), range(1, 10));
}

TEST_F(WalRecovery, G10DamageBeforeAcknowledgedWritesRefusesToOpenAndChangesNothing) {
  commit(1, 100, 500);
  const fs::path log = logs().back();
  flip(log, 20'000);
  const std::string damaged = read(log);
  const auto refused = open();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr(log.filename().string()));
  EXPECT_THAT(refused.error().message, HasSubstr("--repair"));
  ASSERT_EQ(copies().size(), 1U);
  EXPECT_THAT(refused.error().message, HasSubstr(copies().front().string()));
  EXPECT_EQ(read(copies().front() / log.filename()), damaged);
  EXPECT_EQ(read(log), damaged);

  EXPECT_FALSE(open().ok());
  EXPECT_EQ(copies().size(), 1U) << "a service that restarts in a loop must not fill the disk";
}

// RocksDB's tolerant mode takes each of these for the end of the log.
TEST_F(WalRecovery, G10DamageThatRocksDbWouldTolerateIsFoundToo) {
  commit(1, 100, 200);
  const fs::path log = logs().back();
  const std::string intact = read(log);

  std::string broken_length = intact;
  const std::size_t record = intact.find("1050") - 7 - 12 - 3;  // near the header of number 50
  for (std::size_t i = record - 3; i < record + 3; ++i) broken_length[i] = '\x7f';
  std::string zeroed_page = intact;
  zeroed_page.replace(8192, 4096, 4096, '\0');

  for (const std::string& damaged : {broken_length, zeroed_page}) {
    write(log, damaged);
    EXPECT_FALSE(open().ok());
  }
}

TEST_F(WalRecovery, RepairKeepsEveryWriteThatIsReadable) {
  commit(1, 100, 500);
  const std::size_t at = read(logs().back()).find("1050");
  flip(logs().back(), at);
  const auto refused = open();
  ASSERT_FALSE(refused.ok());

  std::set<int> survivors = range(1, 100);
  survivors.erase(50);
  {
    auto repaired = open(/*repair=*/true);
    ASSERT_TRUE(repaired.ok()) << repaired.error().message;
    const RecoveryReport& report = (*repaired)->recovery();
    ASSERT_EQ(report.lost.size(), 1U);
    EXPECT_LT(report.lost[0].offset, at);
    EXPECT_GT(report.lost[0].offset + 600, at);
    EXPECT_THAT(report.lost[0].batch_before, HasSubstr("1049"));
    EXPECT_THAT(report.lost[0].batch_after, HasSubstr("1051"));
    EXPECT_EQ(numbers_in(**repaired, kWide), survivors);
    EXPECT_EQ(numbers_in(**repaired, kNarrow), survivors);
  }
  const auto reopened = open();
  ASSERT_TRUE(reopened.ok()) << "repaired is repaired";
  EXPECT_EQ(numbers_in(**reopened, kWide), survivors);
}

// `wide` was flushed past the damage: RocksDB's point-in-time mode would refuse for ever.
TEST_F(WalRecovery, RepairWorksWhenTablesAreAheadOfTheDamagedLog) {
  commit(1, 120, 100'000);
  const auto before = logs();
  ASSERT_GE(before.size(), 2U) << "the narrow family must keep older logs alive";
  const std::string bytes = read(before.front());
  const std::size_t at = bytes.find("1005");
  ASSERT_NE(at, std::string::npos);
  flip(before.front(), at);
  EXPECT_FALSE(open().ok());

  auto repaired = open(/*repair=*/true);
  ASSERT_TRUE(repaired.ok()) << repaired.error().message;
  std::set<int> survivors = range(1, 120);
  EXPECT_EQ(numbers_in(**repaired, kWide), survivors) << "it was in a table";
  survivors.erase(5);
  EXPECT_EQ(numbers_in(**repaired, kNarrow), survivors);
}

TEST_F(WalRecovery, G10ALogThatLostItsEndIsDamageWhenALaterLogHasWrites) {
  commit(1, 120, 100'000);
  const fs::path older = logs().front();
  ASSERT_NE(older, logs().back());
  write(older, read(older).substr(0, read(older).size() - 10));
  const auto refused = open();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr(older.filename().string()));
  EXPECT_TRUE(open(/*repair=*/true).ok());
}

TEST_F(WalRecovery, DamageAndATornTailTogetherAreBothDealtWith) {
  commit(1, 100, 500);
  std::string bytes = read(logs().back());
  bytes[bytes.find("1050")] = '?';
  bytes.resize(bytes.size() - 100);
  write(logs().back(), bytes);
  EXPECT_FALSE(open().ok());
  const auto repaired = open(/*repair=*/true);
  ASSERT_TRUE(repaired.ok());
  EXPECT_TRUE((*repaired)->recovery().torn_tail_dropped);
  EXPECT_EQ((*repaired)->recovery().lost.size(), 1U);
  std::set<int> survivors = range(1, 99);
  survivors.erase(50);
  EXPECT_EQ(numbers_in(**repaired, kWide), survivors);
}

// ---- After a clean close the end is known -----------------------------------------------------

TEST_F(WalRecovery, G10AfterACleanCloseALogThatLostItsEndIsNoticed) {
  commit_and_close(1, 10, 500);
  const std::string whole = read(logs().back());
  const std::size_t border = whole.find("1010") - 7 - 12 - 18 - 3;  // where the last write begins
  ASSERT_EQ(whole.substr(border + 19, 2), "\x03\x10") << "its mark";
  for (const std::size_t size : {whole.size() - 1, border, whole.size() / 2}) {
    write(logs().back(), whole.substr(0, size));
    const auto refused = open();
    ASSERT_FALSE(refused.ok()) << size;
    EXPECT_THAT(refused.error().message, HasSubstr("to 21 at least are gone"));
  }
}

// This is the loss that cannot be noticed here: it looks like a write that was never begun.
TEST_F(WalRecovery, AfterAKillTheNewestLogCutBetweenTwoWritesLooksLikeOneThatWasNeverLonger) {
  commit(1, 10, 500);
  const std::string whole = read(logs().back());
  write(logs().back(), whole.substr(0, whole.find("1010") - 7 - 12 - 18 - 3));
  const auto database = open();
  ASSERT_TRUE(database.ok()) << database.error().message;
  EXPECT_FALSE((*database)->recovery().torn_tail_dropped);
  EXPECT_EQ(numbers_in(**database, kWide), range(1, 9));
}

// ---- Several logs are one sequence --------------------------------------------------------------

// A database with several logs that the narrow family needs, killed.
class SeveralLogs : public WalRecovery {
 protected:
  SeveralLogs() {
    commit(1, 260, 100'000);
    OUTBOXD_CHECK(logs().size() >= 3);
  }

  // Where records end in a log; each of them is one of commit()'s.
  static std::vector<std::size_t> ends_in(const std::string& log) {
    std::vector<std::size_t> ends;
    WalScanner scanner(log);
    while (const auto record = scanner.next()) ends.push_back(record->end);
    return ends;
  }

  // Refused by name; with repair it opens, says what is lost, and holds nothing that never was.
  void expect_loss_noticed(const std::string& file) {
    const auto refused = open();
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message, HasSubstr(file));
    EXPECT_THAT(refused.error().message, HasSubstr("--repair"));
    {
      auto repaired = open(/*repair=*/true);
      ASSERT_TRUE(repaired.ok()) << repaired.error().message;
      EXPECT_FALSE((*repaired)->recovery().lost.empty());
      for (const int number : numbers_in(**repaired, kNarrow)) {
        EXPECT_TRUE(number >= 1 && number <= 260) << number;
      }
    }
    EXPECT_TRUE(open().ok()) << "repaired is repaired";
  }
};

TEST_F(SeveralLogs, AreRecoveredWhollyWhenNothingIsWrong) {
  const auto database = open();
  ASSERT_TRUE(database.ok()) << database.error().message;
  EXPECT_EQ(numbers_in(**database, kNarrow), range(1, 260));
}

TEST_F(SeveralLogs, G10AnOlderOneCutBetweenTwoWritesIsNoticed) {
  const fs::path older = logs()[logs().size() - 2];
  const std::string whole = read(older);
  const auto ends = ends_in(whole);
  write(older, whole.substr(0, ends.at(ends.size() / 2)));
  expect_loss_noticed(older.filename().string());
}

TEST_F(SeveralLogs, G10TheMessageSaysWhichWritesAreGone) {
  const fs::path older = logs().front();
  const std::string whole = read(older);
  write(older, whole.substr(0, ends_in(whole).at(9)));  // the format and nine pairs: up to 19
  EXPECT_THAT(open().error().message, HasSubstr(": writes 20 to "));
}

TEST_F(SeveralLogs, G10AnOlderOneZeroedFromSomePointOnIsNoticed) {
  const fs::path older = logs()[logs().size() - 2];
  std::string bytes = read(older);
  const auto ends = ends_in(bytes);
  const std::size_t from = ends.at(ends.size() / 2);
  bytes.replace(from, bytes.size() - from, bytes.size() - from, '\0');
  write(older, bytes);
  expect_loss_noticed(older.filename().string());
}

TEST_F(SeveralLogs, G10AnyOneThatIsGoneIsNoticed) {
  for (const std::size_t which : {std::size_t{0}, logs().size() / 2, logs().size() - 1}) {
    SCOPED_TRACE(which);
    const fs::path gone = logs()[which];
    fs::rename(gone, directory_.file("aside"));
    const auto refused = open();
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message, HasSubstr(gone.filename().string() + " is missing"));
    fs::rename(directory_.file("aside"), gone);
  }
}

TEST_F(SeveralLogs, RepairGoesOnWithoutTheOneThatIsGone) {
  const fs::path gone = logs().at(1);
  fs::remove(gone);
  expect_loss_noticed(gone.filename().string());
}

TEST_F(SeveralLogs, G10AllOfThemGoneAreNoticed) {
  for (const fs::path& log : logs()) fs::remove(log);
  expect_loss_noticed(".log is missing");
}

TEST_F(SeveralLogs, G10OneOfZerosIsNoticed) {
  const fs::path log = logs().back();
  write(log, std::string(read(log).size(), '\0'));
  expect_loss_noticed(log.filename().string() + " is empty");
}

TEST_F(SeveralLogs, G10AnOlderOneInThePlaceOfANewerOneIsDroppedAndNotReplayed) {
  const fs::path log = logs().at(1);
  write(log, read(logs().front()));
  expect_loss_noticed(log.filename().string());
}

TEST_F(SeveralLogs, G10AnEarlierStateOfAnOlderOneIsNoticed) {
  const fs::path log = logs().at(1);
  const std::string whole = read(log);
  write(log, whole.substr(0, ends_in(whole).front()) + std::string(4096, '\0'));
  expect_loss_noticed(log.filename().string());
}

// Without STORE, as an earlier release leaves the directory, the numbers still tell.
TEST_F(SeveralLogs, G10InADirectoryOfAnEarlierReleaseAHoleIsNoticedToo) {
  fs::remove(store_file());
  const fs::path older = logs().at(1);
  fs::remove(older);
  const auto refused = open();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("or a log after it is gone"));
}

TEST_F(SeveralLogs, ADirectoryOfAnEarlierReleaseIsTakenOver) {
  fs::remove(store_file());
  {
    const auto database = open();
    ASSERT_TRUE(database.ok()) << database.error().message;
    EXPECT_EQ(numbers_in(**database, kNarrow), range(1, 260));
  }
  EXPECT_TRUE(fs::exists(store_file()));
}

// ---- What clients write is never a record -------------------------------------------------------

TEST_F(WalRecovery, G10LogRecordsInAClientsValueAreNotExecutedWhenTheirRecordIsTorn) {
  commit(1, 3, 100);
  std::string forged;
  for (std::uint64_t i = 0; i < 300; ++i) {
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put("forged", "x").ok());  // of RocksDB's own family
    std::string bytes = batch.Data();
    for (std::size_t k = 0; k < 8; ++k) bytes[k] = static_cast<char>((10 + i) >> (8 * k));
    std::string fragment;
    append_wal_record(fragment, bytes);
    forged += std::string(5, '\0') + fragment;
  }
  const std::string unacknowledged = read(store_file());
  std::string acknowledged;
  {
    auto database = open();
    ASSERT_TRUE(database.ok());
    rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
    ASSERT_TRUE(batch.Put((*database)->family(kWide), "1004", forged).ok());
    ASSERT_TRUE((*database)->write_synced(batch).ok());
    acknowledged = read(store_file());
  }
  // The record's first page did not get to the disk.
  const fs::path log = logs().back();
  std::string bytes = read(log);
  bytes.replace(19, 4096 - 19, 4096 - 19, '\0');  // behind RocksDB's empty record
  write(log, bytes);
  // Had the write been told, its loss would be noticed: there is nothing else in this log.
  write(store_file(), acknowledged);
  EXPECT_THAT(open().error().message, HasSubstr(log.filename().string() + " is empty"));
  write(store_file(), unacknowledged);
  for (const bool repair : {false, true}) {
    auto database = open(repair);
    ASSERT_TRUE(database.ok()) << database.error().message;
    std::string value;
    EXPECT_TRUE((*database)->db().Get({}, "forged", &value).IsNotFound());
    EXPECT_EQ(numbers_in(**database, kWide), range(1, 3));
  }
}

}  // namespace
}  // namespace outboxd::storage
