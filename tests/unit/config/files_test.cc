#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/reader.h"

namespace outboxd::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    std::string name = std::filesystem::temp_directory_path() / "outboxd-config-XXXXXX";
    directory_ = mkdtemp(name.data());
    main_ = directory_ / "x.toml";
  }
  ~FilesTest() override { std::filesystem::remove_all(directory_); }

  static void write(const std::filesystem::path& path, std::string_view text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  std::filesystem::path directory_;
  std::filesystem::path main_;
};

TEST_F(FilesTest, WithoutAnyFileThereIsNothingToRead) {
  EXPECT_THAT(files_to_read("", main_), IsEmpty());
}

TEST_F(FilesTest, TheMainFileComesFirstAndTheFragmentsInOrderOfTheirNames) {
  write(main_, "");
  write(main_.string() + ".d/20-b.toml", "");
  write(main_.string() + ".d/10-a.toml", "");
  write(main_.string() + ".d/notes.txt", "");
  EXPECT_THAT(files_to_read("", main_), ElementsAre(main_.string(), main_.string() + ".d/10-a.toml",
                                                    main_.string() + ".d/20-b.toml"));
}

TEST_F(FilesTest, AChosenFileReplacesBoth) {
  write(main_, "");
  write(main_.string() + ".d/10-a.toml", "");
  EXPECT_THAT(files_to_read("/elsewhere.toml", main_), ElementsAre("/elsewhere.toml"));
}

TEST_F(FilesTest, AFragmentOverridesTheMainFile) {
  std::int64_t port = 1;
  std::int64_t size = 1;
  write(main_, "port = 2\nsize = 2");
  write(main_.string() + ".d/10-a.toml", "port = 3");
  Reader reader;
  reader.integer("port", port).integer("size", size);
  EXPECT_THAT(reader.read_files(files_to_read("", main_)), IsEmpty());
  EXPECT_EQ(port, 3);
  EXPECT_EQ(size, 2);
}

TEST_F(FilesTest, AFileThatCannotBeReadIsAProblem) {
  Reader reader;
  EXPECT_THAT(describe(reader.read_files({main_.string()})),
              HasSubstr("x.toml: cannot be read: No such file or directory"));
  EXPECT_THAT(reader.read_files({directory_.string()}), SizeIs(1));
}

TEST_F(FilesTest, AFileWithoutEndIsAProblem) {
  Reader reader;
  EXPECT_THAT(describe(reader.read_files({"/dev/zero"})), HasSubstr("is larger than"));
}

}  // namespace
}  // namespace outboxd::config
