// A power cut tears edits of the MANIFEST that nothing depended on yet: those are cut off. An edit
// that was acted upon is never given up without a word.
#include "storage/database/manifest_recovery.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include "storage/database/wal_scan.h"
#include "tests/support/temporary_directory.h"

namespace outboxd::storage {
namespace {

namespace fs = std::filesystem;

class ManifestRecovery : public testing::Test {
 protected:
  ManifestRecovery() {
    const auto database = open();
    OUTBOXD_CHECK(database.ok());
    put(**database, "before");
  }

  domain::Result<std::unique_ptr<Database>> open(bool repair = false) const {
    return Database::open(
        {.path = path_, .families = {{.name = "only"}}, .format_name = "test", .repair = repair});
  }

  static void put(Database& database, const std::string& key) {
    rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
    OUTBOXD_CHECK(batch.Put(database.family(0), key, "x").ok());
    OUTBOXD_CHECK(database.write_synced(batch).ok());
  }

  static bool has(const Database& database, const std::string& key) {
    std::string value;
    return database.db().Get({}, database.family(0), key, &value).ok();
  }

  fs::path manifest() const {
    std::string name;
    std::ifstream(path_ + "/CURRENT") >> name;
    return fs::path(path_) / name;
  }

  std::string bytes() const {
    std::ifstream in(manifest(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void replace_bytes(const std::string& content) const {
    std::ofstream(manifest(), std::ios::binary) << content;
  }

  // What recover_manifest() says, and is not expected to fail at.
  bool recovered() const {
    return recover_manifest(*rocksdb::Env::Default(), path_, {}).value().torn_tail_dropped;
  }

  void expect_untouched(const std::string& content) const {
    EXPECT_FALSE(recovered());
    EXPECT_EQ(bytes(), content);
  }

  // Where the last edit begins. Each has a header of checksum (4 bytes), length (2) and type (1).
  static std::size_t last_edit_in(const std::string& content) {
    std::size_t begin = 0;
    for (std::size_t next = 0; next < content.size();) {
      begin = next;
      next += 7U + static_cast<unsigned char>(content.at(begin + 4)) +
              256U * static_cast<unsigned char>(content.at(begin + 5));
    }
    return begin;
  }

  // An edit of which a power cut left less than its header promises.
  static std::string torn_edit() {
    std::string edit("\x12\x34\x56\x78\x20\x00\x01", 7);
    return edit + "half of it";
  }

  const support::TemporaryDirectory directory_;
  const std::string path_ = directory_.file("data");
};

TEST_F(ManifestRecovery, OneThatIsWholeIsLeftAlone) {
  expect_untouched(bytes());
}

TEST_F(ManifestRecovery, AnEditThatEndsEarlyIsCutOffOnce) {
  const std::string whole = bytes();
  replace_bytes(whole + torn_edit());
  EXPECT_TRUE(recovered());
  EXPECT_EQ(bytes(), whole);
  EXPECT_FALSE(recovered()) << "it is gone for good";
}

TEST_F(ManifestRecovery, AGarbageTailIsCutOffSoThatRocksDbOpens) {
  const std::string whole = bytes();
  std::string garbage(3'000, '\0');
  for (std::size_t i = 0; i < garbage.size(); ++i) garbage[i] = static_cast<char>(i * 31 + 7);
  replace_bytes(whole + garbage);
  EXPECT_TRUE(recovered());
  EXPECT_EQ(bytes(), whole);

  replace_bytes(whole + garbage);
  const auto database = open();
  ASSERT_TRUE(database.ok()) << database.error().message;
  EXPECT_TRUE(has(**database, "before"));
}

// Edits hold the first and last key of each new table, and clients choose keys.
TEST_F(ManifestRecovery, EditsInAClientsKeyAreNoneWhenTheirEditIsTorn) {
  const std::string whole = bytes();
  std::string key;
  for (int i = 0; i < 300; ++i) {
    key += std::string(5, '\0');
    append_wal_record(key, "\x02\x7f");  // of a family that needs no log before 127
  }
  for (const std::size_t lost : {7UL, 100UL, 4'000UL}) {
    std::string content = whole;
    append_wal_record(content, key);
    content.replace(whole.size(), lost, lost, '\0');
    replace_bytes(content);
    EXPECT_TRUE(recovered()) << lost;
    EXPECT_EQ(bytes(), whole) << lost;
  }
}

TEST_F(ManifestRecovery, OneThatAStopLeftHalfMadeIsNotTheOneToFind) {
  const std::string current = manifest().filename();
  const std::string whole = bytes();
  const fs::path half_made = fs::path(path_) / "MANIFEST-999999";
  std::ofstream(half_made, std::ios::binary) << whole.substr(0, last_edit_in(whole) / 2);
  EXPECT_EQ(find_whole_manifest(*rocksdb::Env::Default(), path_).value(), current);
  std::ofstream(half_made, std::ios::binary) << whole;
  EXPECT_EQ(find_whole_manifest(*rocksdb::Env::Default(), path_).value(), "MANIFEST-999999");
}

TEST_F(ManifestRecovery, G10DamageThatWholeEditsFollowIsLeftForRocksDbToRefuse) {
  std::string damaged = bytes();
  damaged.at(10) = static_cast<char>(damaged[10] ^ 0x20);  // in the first edit
  replace_bytes(damaged);
  expect_untouched(damaged);
  EXPECT_FALSE(open().ok());
  EXPECT_EQ(bytes(), damaged);
}

// Without the edit of a flush the MANIFEST would name a log that is gone, and everything in the
// table that replaced it would be missing without a word.
TEST_F(ManifestRecovery, G10ADamagedEditThatReplacedALogIsNotGivenUp) {
  {
    const auto database = open();
    ASSERT_TRUE(database.ok());
    put(**database, "flushed");
    ASSERT_TRUE((*database)->flush());
  }
  std::string damaged = bytes();
  damaged.resize(last_edit_in(damaged));  // the one after it, which says that the log may go
  ASSERT_NE(damaged.find("flushed", last_edit_in(damaged)), std::string::npos);
  damaged.back() = static_cast<char>(damaged.back() ^ 0x20);
  replace_bytes(damaged);
  expect_untouched(damaged);
  EXPECT_FALSE(open().ok());
}

TEST_F(ManifestRecovery, ACurrentThatNamesNoManifestIsLeftForRocksDbToRefuse) {
  for (const char* content :
       {"", "MANIFEST-", "MANIFEST-000001", "nonsense\n", "MANIFEST-999999\n"}) {
    std::ofstream(path_ + "/CURRENT", std::ios::binary | std::ios::trunc) << content;
    EXPECT_FALSE(recovered()) << content;
    EXPECT_FALSE(open().ok()) << content;
  }
}

TEST_F(ManifestRecovery, WithoutCurrentItSaysWhichFileIsMissing) {
  fs::remove(path_ + "/CURRENT");
  const auto outcome = recover_manifest(*rocksdb::Env::Default(), path_, {});
  ASSERT_FALSE(outcome.ok());
  EXPECT_THAT(outcome.error().message, testing::HasSubstr(path_ + "/CURRENT"));
}

// To RocksDB a MANIFEST that ends between two edits is whole, and what later edits added is to be
// removed.
TEST_F(ManifestRecovery, G10OneThatLostItsEndOpensNothingAndRemovesNothing) {
  const std::string whole = bytes();
  const auto files = [this] {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path_)) names.insert(entry.path().filename());
    return names;
  };
  const std::set<std::string> before = files();
  std::size_t cuts = 0;
  for (std::size_t length = 1; length < whole.size(); length += 7) {
    SCOPED_TRACE(length);
    replace_bytes(whole.substr(0, length));
    for (const bool repair : {false, true}) {
      const auto database = open(repair);
      ASSERT_FALSE(database.ok());
      EXPECT_THAT(database.error().message, testing::HasSubstr("MANIFEST-"));
    }
    EXPECT_EQ(bytes(), whole.substr(0, length));
    ++cuts;
  }
  EXPECT_GT(cuts, 10U);
  EXPECT_TRUE(std::ranges::includes(files(), before)) << "no table and no log is gone";
  replace_bytes(whole);
  const auto database = open();
  ASSERT_TRUE(database.ok()) << database.error().message;
  EXPECT_TRUE(has(**database, "before"));
}

TEST_F(ManifestRecovery, G10AnOlderOneIsNotTheOneThatWasInUse) {
  const auto number = manifest_number(fs::path(manifest()).filename().string()).value();
  const KnownManifest known{.number = number + 1, .bytes = 1};
  EXPECT_FALSE(recover_manifest(*rocksdb::Env::Default(), path_, known).ok());
  EXPECT_TRUE(recover_manifest(*rocksdb::Env::Default(), path_, {number - 1, 1'000'000}).ok());
}

}  // namespace
}  // namespace outboxd::storage
