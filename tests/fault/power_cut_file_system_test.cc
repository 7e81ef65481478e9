// The test file system itself: what it loses, what it keeps, and that RocksDB runs on it.
#include "tests/fault/power_cut_file_system.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>

namespace outboxd::fault {
namespace {

constexpr std::uint64_t kSeed = 20101201;

// A box with one directory, and what a power cut leaves of what was done in it.
class PowerCutFileSystemTest : public ::testing::Test {
 protected:
  std::unique_ptr<rocksdb::FSWritableFile> create(const std::string& path) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    EXPECT_TRUE(files_.NewWritableFile(path, {}, &file, nullptr).ok());
    return file;
  }

  void sync_directory(const std::string& path) {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    ASSERT_TRUE(files_.NewDirectory(path, {}, &directory, nullptr).ok());
    ASSERT_TRUE(directory->Fsync({}, nullptr).ok());
  }

  DiskImage after_cut(Aftermath aftermath) {
    for (const Operation& operation : recorder_.take()) model_.apply(operation);
    return model_.after_cut(aftermath, random_);
  }

  static bool has(const DiskImage& image, const std::string& path) {
    return image.files.contains(path);
  }

  std::mt19937_64 random_{kSeed};
  DiskImage start_ = empty_disk("/box");
  Recorder recorder_;
  PowerCutFileSystem files_{start_, &recorder_};
  DiskModel model_{start_};
  rocksdb::IOOptions options_;
};

TEST_F(PowerCutFileSystemTest, UnsyncedBytesAreLostAndSyncedOnesAreNot) {
  auto file = create("/box/log");
  ASSERT_TRUE(file->Append("synced", options_, nullptr).ok());
  ASSERT_TRUE(file->Sync(options_, nullptr).ok());
  ASSERT_TRUE(file->Append(" and not", options_, nullptr).ok());
  sync_directory("/box");

  EXPECT_EQ(*after_cut({UnsyncedData::kDropped, UnsyncedNames::kLost}).files.at("/box/log"),
            "synced");
  EXPECT_EQ(*model_.as_seen().files.at("/box/log"), "synced and not");
}

TEST_F(PowerCutFileSystemTest, ATornWriteLeavesEveryLengthBetweenNothingAndAll) {
  auto file = create("/box/log");
  ASSERT_TRUE(file->Append("base", options_, nullptr).ok());
  ASSERT_TRUE(file->Sync(options_, nullptr).ok());
  ASSERT_TRUE(file->Append("tail", options_, nullptr).ok());
  sync_directory("/box");

  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    seen.insert(*after_cut({UnsyncedData::kPrefix, UnsyncedNames::kLost}).files.at("/box/log"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"base", "baset", "baseta", "basetai", "basetail"}));
}

TEST_F(PowerCutFileSystemTest, AMissingPageIsZeroedAndNeverTakesSyncedBytes) {
  auto file = create("/box/log");
  ASSERT_TRUE(file->Append(std::string(5000, 'a'), options_, nullptr).ok());
  ASSERT_TRUE(file->Sync(options_, nullptr).ok());
  ASSERT_TRUE(file->Append(std::string(10000, 'b'), options_, nullptr).ok());
  sync_directory("/box");

  for (int i = 0; i < 50; ++i) {
    const DiskImage image = after_cut({UnsyncedData::kMissingPage, UnsyncedNames::kLost});
    const std::string& contents = *image.files.at("/box/log");
    ASSERT_EQ(contents.size(), 15000U);
    EXPECT_EQ(contents.substr(0, 5000), std::string(5000, 'a'));
    const auto zeros = std::ranges::count(contents, '\0');
    EXPECT_GT(zeros, 0);
    EXPECT_LE(zeros, 4096);
  }
}

TEST_F(PowerCutFileSystemTest, AGarbageTailHasTheRightLengthAndNeverTakesSyncedBytes) {
  auto file = create("/box/log");
  ASSERT_TRUE(file->Append(std::string(100, 'a'), options_, nullptr).ok());
  ASSERT_TRUE(file->Sync(options_, nullptr).ok());
  ASSERT_TRUE(file->Append(std::string(100, 'b'), options_, nullptr).ok());
  sync_directory("/box");

  const DiskImage image = after_cut({UnsyncedData::kGarbageTail, UnsyncedNames::kLost});
  const std::string& contents = *image.files.at("/box/log");
  ASSERT_EQ(contents.size(), 200U);
  EXPECT_EQ(contents.substr(0, 100), std::string(100, 'a'));
  EXPECT_NE(contents.substr(100), std::string(100, 'b'));
}

TEST_F(PowerCutFileSystemTest, ASyncedFileVanishesWhenItsDirectoryWasNotSynced) {
  auto file = create("/box/new");
  ASSERT_TRUE(file->Append("x", options_, nullptr).ok());
  ASSERT_TRUE(file->Sync(options_, nullptr).ok());

  EXPECT_FALSE(has(after_cut({UnsyncedData::kDropped, UnsyncedNames::kLost}), "/box/new"));
  EXPECT_EQ(*after_cut({UnsyncedData::kDropped, UnsyncedNames::kKept}).files.at("/box/new"), "x");
}

TEST_F(PowerCutFileSystemTest, ARenameMayNotHaveHappenedUntilItsDirectoryIsSynced) {
  auto file = create("/box/CURRENT.tmp");
  ASSERT_TRUE(file->Append("x", options_, nullptr).ok());
  ASSERT_TRUE(file->Sync(options_, nullptr).ok());
  sync_directory("/box");
  ASSERT_TRUE(files_.RenameFile("/box/CURRENT.tmp", "/box/CURRENT", options_, nullptr).ok());

  const DiskImage lost = after_cut({UnsyncedData::kDropped, UnsyncedNames::kLost});
  EXPECT_TRUE(has(lost, "/box/CURRENT.tmp"));
  EXPECT_FALSE(has(lost, "/box/CURRENT"));

  sync_directory("/box");
  const DiskImage kept = after_cut({UnsyncedData::kDropped, UnsyncedNames::kLost});
  EXPECT_FALSE(has(kept, "/box/CURRENT.tmp"));
  EXPECT_TRUE(has(kept, "/box/CURRENT"));
}

TEST_F(PowerCutFileSystemTest, ADeletedFileComesBackUntilItsDirectoryIsSynced) {
  auto file = create("/box/old");
  ASSERT_TRUE(file->Append("x", options_, nullptr).ok());
  ASSERT_TRUE(file->Sync(options_, nullptr).ok());
  sync_directory("/box");
  ASSERT_TRUE(files_.DeleteFile("/box/old", options_, nullptr).ok());

  EXPECT_EQ(*after_cut({UnsyncedData::kDropped, UnsyncedNames::kLost}).files.at("/box/old"), "x");
  sync_directory("/box");
  EXPECT_FALSE(has(after_cut({UnsyncedData::kDropped, UnsyncedNames::kLost}), "/box/old"));
}

TEST_F(PowerCutFileSystemTest, EverythingBelowADirectoryVanishesWithIt) {
  ASSERT_TRUE(files_.CreateDir("/box/data", options_, nullptr).ok());
  auto file = create("/box/data/log");
  ASSERT_TRUE(file->Append("x", options_, nullptr).ok());
  ASSERT_TRUE(file->Sync(options_, nullptr).ok());
  sync_directory("/box/data");

  EXPECT_TRUE(after_cut({UnsyncedData::kDropped, UnsyncedNames::kLost}).files.empty());
  sync_directory("/box");
  EXPECT_TRUE(has(after_cut({UnsyncedData::kDropped, UnsyncedNames::kLost}), "/box/data/log"));
}

TEST_F(PowerCutFileSystemTest, ASwallowedSyncMakesNothingDurable) {
  PowerCutFileSystem liar(start_, &recorder_, {.swallow_file_syncs = true});
  std::unique_ptr<rocksdb::FSWritableFile> file;
  ASSERT_TRUE(liar.NewWritableFile("/box/log", {}, &file, nullptr).ok());
  ASSERT_TRUE(file->Append("x", options_, nullptr).ok());
  ASSERT_TRUE(file->Sync(options_, nullptr).ok());

  const DiskImage image = after_cut({UnsyncedData::kDropped, UnsyncedNames::kKept});
  EXPECT_EQ(*image.files.at("/box/log"), "");
}

TEST_F(PowerCutFileSystemTest, AFaultStrikesTheNthAccessOnceOrForGood) {
  auto file = create("/box/log");
  files_.inject(Fault{.access = Access::kSync, .nth = 2});
  EXPECT_TRUE(file->Sync(options_, nullptr).ok());
  EXPECT_TRUE(file->Sync(options_, nullptr).IsIOError());
  EXPECT_TRUE(file->Sync(options_, nullptr).ok());

  files_.inject(
      Fault{.access = Access::kWrite, .nth = 1, .cause = Fault::Cause::kNoSpace, .for_good = true});
  EXPECT_FALSE(files_.has_struck());
  EXPECT_TRUE(file->Append("ab", options_, nullptr).IsNoSpace());
  EXPECT_TRUE(file->Append("ab", options_, nullptr).IsNoSpace());
  EXPECT_TRUE(files_.has_struck());
}

TEST_F(PowerCutFileSystemTest, ASecondOwnerOfALockIsRefused) {
  rocksdb::FileLock* lock = nullptr;
  rocksdb::FileLock* second = nullptr;
  ASSERT_TRUE(files_.LockFile("/box/LOCK", options_, &lock, nullptr).ok());
  EXPECT_FALSE(files_.LockFile("/box/LOCK", options_, &second, nullptr).ok());
  ASSERT_TRUE(files_.UnlockFile(lock, options_, nullptr).ok());
}

// One RocksDB on one image.
class RawDatabase {
 public:
  explicit RawDatabase(PowerCutFileSystem* files)
      : env_(rocksdb::NewCompositeEnv(std::shared_ptr<PowerCutFileSystem>(files, [](auto*) {}))) {
    rocksdb::Options options;
    options.env = env_.get();
    options.create_if_missing = true;
    rocksdb::DB* db = nullptr;
    opened_ = rocksdb::DB::Open(options, "/box/db", &db);
    db_.reset(db);
  }

  [[nodiscard]] const rocksdb::Status& opened() const { return opened_; }

  void put(const std::string& key, bool sync) {
    rocksdb::WriteOptions options;
    options.sync = sync;
    ASSERT_TRUE(db_->Put(options, key, "value").ok());
  }

  bool has(const std::string& key) {
    std::string value;
    return db_->Get({}, key, &value).ok();
  }

 private:
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::Status opened_;
};

TEST_F(PowerCutFileSystemTest, RocksDbLosesUnsyncedRowsAndKeepsSyncedOnes) {
  ASSERT_TRUE(files_.CreateDir("/box/db", options_, nullptr).ok());
  sync_directory("/box");
  RawDatabase db(&files_);
  ASSERT_TRUE(db.opened().ok()) << db.opened().ToString();
  db.put("synced", true);
  db.put("unsynced", false);

  PowerCutFileSystem dropped(after_cut({UnsyncedData::kDropped, UnsyncedNames::kLost}));
  RawDatabase after(&dropped);
  ASSERT_TRUE(after.opened().ok()) << after.opened().ToString();
  EXPECT_TRUE(after.has("synced"));
  EXPECT_FALSE(after.has("unsynced"));

  PowerCutFileSystem killed(model_.as_seen());
  RawDatabase seen(&killed);
  ASSERT_TRUE(seen.opened().ok()) << seen.opened().ToString();
  EXPECT_TRUE(seen.has("unsynced"));
}

TEST_F(PowerCutFileSystemTest, ARecordWrittenToAJournalReadsBackTheSame) {
  FILE* journal = std::tmpfile();
  ASSERT_NE(journal, nullptr);
  Recorder recorder(fileno(journal));
  recorder.add({.kind = Operation::Kind::kWrite,
                .inode = 7,
                .offset = 3,
                .path = "/box/a",
                .bytes = std::string("a\0b", 3)});
  recorder.add({.kind = Operation::Kind::kRename, .path = "/box/a", .target = "/box/b"});

  const Record written = recorder.take();
  const Record read = read_journal(fileno(journal));
  std::fclose(journal);
  ASSERT_EQ(read.size(), written.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].kind, written[i].kind);
    EXPECT_EQ(read[i].inode, written[i].inode);
    EXPECT_EQ(read[i].offset, written[i].offset);
    EXPECT_EQ(read[i].path, written[i].path);
    EXPECT_EQ(read[i].target, written[i].target);
    EXPECT_EQ(read[i].bytes, written[i].bytes);
  }
}

}  // namespace
}  // namespace outboxd::fault
