#include "storage/database/preallocated_logs.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.h"

namespace outboxd::storage {
namespace {

class PreallocatedLogs : public testing::Test {
 protected:
  std::unique_ptr<rocksdb::FSWritableFile> create(const std::string& name) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    const auto status = file_system_->NewWritableFile(directory_.file(name), {}, &file, nullptr);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return file;
  }

  std::uintmax_t size(const std::string& name) const {
    return std::filesystem::file_size(directory_.file(name));
  }

  static void append(rocksdb::FSWritableFile& file, const std::string& bytes) {
    ASSERT_TRUE(file.Append(bytes, {}, nullptr).ok());
  }

  const support::TemporaryDirectory directory_;
  const std::shared_ptr<rocksdb::FileSystem> file_system_ =
      with_preallocated_logs(rocksdb::FileSystem::Default());
};

TEST_F(PreallocatedLogs, ALogKeepsItsSizeWhileItIsWritten) {
  const auto log = create("000001.log");
  append(*log, std::string(1000, 'x'));
  const auto allocated = size("000001.log");
  EXPECT_GT(allocated, 1000U);
  append(*log, std::string(allocated - 1000, 'y'));
  EXPECT_EQ(size("000001.log"), allocated);
  append(*log, "z");
  EXPECT_GT(size("000001.log"), allocated);
}

TEST_F(PreallocatedLogs, AClosedLogIsWhatWasWritten) {
  const auto log = create("000001.log");
  append(*log, "written");
  ASSERT_TRUE(log->Close({}, nullptr).ok());
  EXPECT_EQ(size("000001.log"), 7U);
}

TEST_F(PreallocatedLogs, ALogThatIsDroppedUnclosedIsCutToo) {
  append(*create("000001.log"), "written");
  std::ifstream in(directory_.file("000001.log"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "written");
}

TEST_F(PreallocatedLogs, OtherFilesAreLeftAlone) {
  const auto table = create("000001.sst");
  append(*table, "written");
  EXPECT_EQ(size("000001.sst"), 7U);
}

}  // namespace
}  // namespace outboxd::storage
