// Power cuts leave torn tails, disks lose what they promised: the first is repaired without a word,
// the second never.
#include "storage/database/wal_recovery.h"

#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>

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

  // Commits numbers first … last, each to both families in one batch with `bytes` of ballast.
  void commit(int first, int last, std::size_t bytes) {
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
  }

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
  for (const std::size_t cut : {1UL, 20'000UL, 49'000UL}) {
    const fs::path log = logs().back();
    write(log, read(log).substr(0, read(log).size() - cut));
    expect_torn_tail(range(1, 9));
    commit(10, 10, 50'000);
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

}  // namespace
}  // namespace outboxd::storage
