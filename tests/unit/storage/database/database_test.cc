#include "storage/database/database.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <rocksdb/file_system.h>

#include "tests/support/temporary_directory.h"

namespace outboxd::storage {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class DatabaseTest : public testing::Test {
 protected:
  DatabaseOptions options() const {
    return {.path = directory_.file("data"),
            .families = {{.name = "a"}, {.name = "b"}},
            .format_name = "test"};
  }

  static domain::Status put(Database& database, const std::string& key) {
    rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
    EXPECT_TRUE(batch.Put(database.family(0), key, "value").ok());
    return database.write_synced(batch);
  }

  static bool has(const Database& database, const std::string& key) {
    std::string value;
    return database.db().Get({}, database.family(0), key, &value).ok();
  }

  const support::TemporaryDirectory directory_;
};

TEST_F(DatabaseTest, ADirectoryIsOpenedOnceAtATime) {
  auto first = Database::open(options());
  ASSERT_TRUE(first.ok()) << first.error().message;
  const auto second = Database::open(options());
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error().message, HasSubstr("another process"));
  first.value().reset();
  EXPECT_TRUE(Database::open(options()).ok());
}

TEST_F(DatabaseTest, ADirectoryOfAnotherFormatIsRefused) {
  ASSERT_TRUE(Database::open(options()).ok());
  DatabaseOptions other = options();
  other.format_name = "other";
  EXPECT_THAT(Database::open(other).error().message, HasSubstr("holds 'test 1'"));
  DatabaseOptions older = options();
  older.format_version = 2;
  EXPECT_THAT(Database::open(older).error().message, HasSubstr("'test 2'"));
}

TEST_F(DatabaseTest, AFamilyOfANewerVersionIsRefusedAndALaterOneIsAdded) {
  DatabaseOptions more = options();
  more.families.push_back({.name = "c"});
  ASSERT_TRUE(Database::open(options()).ok());
  ASSERT_TRUE(Database::open(more).ok());
  EXPECT_THAT(Database::open(options()).error().message, HasSubstr("newer version"));
}

TEST_F(DatabaseTest, TablesWithoutTheirCatalogueAreNotTakenForAnEmptyDatabase) {
  {
    auto database = Database::open(options());
    ASSERT_TRUE(put(**database, "k").ok());
    ASSERT_TRUE((*database)->flush().ok());
  }
  std::filesystem::remove(directory_.file("data") + "/CURRENT");
  EXPECT_THAT(Database::open(options()).error().message, HasSubstr("CURRENT"));
}

TEST_F(DatabaseTest, G10WithoutAUsableCurrentNothingIsBegunAnewAndRepairFindsTheManifest) {
  ASSERT_TRUE(put(**Database::open(options()), "k").ok());
  const std::string current = directory_.file("data") + "/CURRENT";
  const std::vector<std::optional<std::string>> damages = {
      std::nullopt, "", std::string(16, '\0'), "MANIFEST-000001", "MANIFEST-999999\n", "garbage\n"};
  for (const std::optional<std::string>& damage : damages) {
    SCOPED_TRACE(damage.value_or("missing"));
    std::filesystem::remove(current);
    if (damage) std::ofstream(current, std::ios::binary) << *damage;
    const auto refused = Database::open(options());
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message, AllOf(HasSubstr("CURRENT"), HasSubstr("--repair")));
    DatabaseOptions repairing = options();
    repairing.repair = true;
    const auto repaired = Database::open(repairing);
    ASSERT_TRUE(repaired.ok()) << repaired.error().message;
    EXPECT_THAT((*repaired)->recovery().mended, ElementsAre(HasSubstr("MANIFEST-")));
    EXPECT_TRUE((*repaired)->recovery().lost.empty());
    EXPECT_TRUE(has(**repaired, "k"));
  }
}

TEST_F(DatabaseTest, WithoutAnyManifestItSaysToRestoreABackup) {
  ASSERT_TRUE(put(**Database::open(options()), "k").ok());
  for (const auto& entry : std::filesystem::directory_iterator(directory_.file("data"))) {
    const std::string name = entry.path().filename();
    if (name.starts_with("MANIFEST-") || name == "CURRENT") std::filesystem::remove(entry.path());
  }
  for (const bool repair : {false, true}) {
    DatabaseOptions repairing = options();
    repairing.repair = repair;
    EXPECT_THAT(Database::open(repairing).error().message, HasSubstr("restore a backup"));
  }
}

// An earlier release had no STORE; its writes are in the log.
TEST_F(DatabaseTest, G10ALogWithWritesIsNotTakenForAnEmptyDatabase) {
  ASSERT_TRUE(put(**Database::open(options()), "k").ok());
  std::filesystem::remove(directory_.file("data") + "/STORE");
  std::filesystem::remove(directory_.file("data") + "/CURRENT");
  EXPECT_THAT(Database::open(options()).error().message,
              AllOf(HasSubstr("a log with writes"), HasSubstr("--repair")));
}

TEST_F(DatabaseTest, G10ADamagedStoreFileIsRefusedAndRepairWritesItAnew) {
  ASSERT_TRUE(put(**Database::open(options()), "k").ok());
  const std::string store_file = directory_.file("data") + "/STORE";
  std::fstream(store_file, std::ios::in | std::ios::out).seekp(30).put('!');
  EXPECT_THAT(Database::open(options()).error().message,
              AllOf(HasSubstr("STORE is damaged"), HasSubstr("--repair")));
  DatabaseOptions repairing = options();
  repairing.repair = true;
  {
    const auto repaired = Database::open(repairing);
    ASSERT_TRUE(repaired.ok()) << repaired.error().message;
    EXPECT_THAT((*repaired)->recovery().mended, ElementsAre(HasSubstr("STORE")));
    EXPECT_TRUE(has(**repaired, "k"));
  }
  EXPECT_TRUE(Database::open(options()).ok());
}

TEST_F(DatabaseTest, EveryBatchBeginsWithTheMarkOfTheStore) {
  const auto database = Database::open(options());
  ASSERT_TRUE(put(**database, "unmarked").ok());
  rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
  (*database)->begin_batch(batch);
  const std::string mark = batch.Data().substr(12);
  EXPECT_EQ(mark.size(), 18U) << "so much does it cost";
  ASSERT_TRUE(batch.Put((*database)->family(0), "marked", "value").ok());
  ASSERT_TRUE((*database)->write_synced(batch).ok());
  EXPECT_TRUE(has(**database, "unmarked"));
  EXPECT_TRUE(has(**database, "marked"));
  std::string log;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.file("data"))) {
    if (entry.path().extension() != ".log") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    log.append(std::istreambuf_iterator<char>(in), {});
  }
  std::size_t marks = 0;
  for (std::size_t at = log.find(mark); at != std::string::npos; at = log.find(mark, at + 1)) {
    ++marks;
  }
  EXPECT_EQ(marks, 3U) << "of the format, and of both keys";
}

// Says that the lock file cannot be opened, and why.
class Unlockable final : public rocksdb::FileSystemWrapper {
 public:
  explicit Unlockable(std::string why)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), why_(std::move(why)) {}
  const char* Name() const override { return "Unlockable"; }
  rocksdb::IOStatus LockFile(const std::string& path, const rocksdb::IOOptions& /*options*/,
                             rocksdb::FileLock** /*lock*/,
                             rocksdb::IODebugContext* /*debug*/) override {
    return rocksdb::IOStatus::IOError("while open a file for lock: " + path, why_);
  }

 private:
  const std::string why_;
};

TEST_F(DatabaseTest, ALockThatCannotBeMadeIsNotBlamedOnAnotherProcess) {
  for (const auto& [why, told] : {std::pair{"Read-only file system", "mounted read-only"},
                                  std::pair{"Permission denied", "may not write there"},
                                  std::pair{"Input/output error", "Input/output error"}}) {
    const auto env = rocksdb::NewCompositeEnv(std::make_shared<Unlockable>(why));
    DatabaseOptions unlockable = options();
    unlockable.env = env.get();
    const auto refused = Database::open(unlockable);
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message, AllOf(HasSubstr(told), Not(HasSubstr("another process"))));
  }
}

TEST_F(DatabaseTest, ADirectoryThatCannotBeMadeIsAnError) {
  std::ofstream(directory_.file("file")) << "x";
  DatabaseOptions below_a_file = options();
  below_a_file.path = directory_.file("file") + "/data";
  EXPECT_FALSE(Database::open(below_a_file).ok());
}

// Fails syncs of log files while `failing` is set.
class FailingSyncs final : public rocksdb::FileSystemWrapper {
 public:
  FailingSyncs() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FailingSyncs"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    auto status = FileSystemWrapper::NewWritableFile(path, options, file, debug);
    if (status.ok() && path.ends_with(".log")) {
      *file = std::make_unique<File>(std::move(*file), failing);
    }
    return status;
  }

  std::atomic<bool> failing{false};

 private:
  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile> file, const std::atomic<bool>& failing)
        : FSWritableFileOwnerWrapper(std::move(file)), failing_(failing) {}
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
      if (failing_) return rocksdb::IOStatus::IOError("planted");
      return FSWritableFileOwnerWrapper::Sync(options, debug);
    }

   private:
    const std::atomic<bool>& failing_;
  };
};

TEST_F(DatabaseTest, G10AfterAFailedSyncEveryWriteFailsUntilReopened) {
  const auto file_system = std::make_shared<FailingSyncs>();
  const std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(file_system);
  DatabaseOptions failing = options();
  failing.env = env.get();
  auto database = Database::open(failing);
  ASSERT_TRUE(database.ok()) << database.error().message;
  ASSERT_TRUE(put(**database, "before").ok());

  file_system->failing = true;
  EXPECT_THAT(put(**database, "failed").error().message, HasSubstr("planted"));
  file_system->failing = false;
  EXPECT_FALSE(put(**database, "after").ok());
  EXPECT_FALSE((*database)->health().ok());
  EXPECT_FALSE((*database)->flush().ok());

  database.value().reset();
  auto reopened = Database::open(failing);
  ASSERT_TRUE(reopened.ok()) << reopened.error().message;
  std::string value;
  EXPECT_TRUE((*reopened)->db().Get({}, (*reopened)->family(0), "before", &value).ok());
  EXPECT_TRUE((*reopened)->db().Get({}, (*reopened)->family(0), "after", &value).IsNotFound());
  EXPECT_TRUE(put(**reopened, "again").ok());
}

TEST_F(DatabaseTest, SizesTellLogsFromTables) {
  auto database = Database::open(options());
  ASSERT_TRUE(put(**database, "k").ok());
  EXPECT_GT((*database)->sizes().log_bytes, 0U);
  const auto before = (*database)->sizes();
  EXPECT_EQ(before.disk_bytes, before.log_bytes);
  ASSERT_TRUE((*database)->flush().ok());
  const auto after = (*database)->sizes();
  EXPECT_GT(after.disk_bytes, after.log_bytes);
  EXPECT_GT(after.memory_bytes, 0U);
}

}  // namespace
}  // namespace outboxd::storage
