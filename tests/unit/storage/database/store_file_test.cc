#include "storage/database/store_file.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.h"

namespace outboxd::storage {
namespace {

StoreFile example() {
  return {.mark = "0123456789abcdef",
          .durable_sequence = 4711,
          .logs = {{9, 1}, {12, 47}, {1234567, 4711}}};
}

TEST(StoreFile, ReadsBackTheSame) {
  const auto read = parse_store_file(text_of(example()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->mark, example().mark);
  EXPECT_EQ(read->durable_sequence, 4711U);
  EXPECT_EQ(read->logs, example().logs);
  StoreFile empty = example();
  empty.logs.clear();
  EXPECT_TRUE(parse_store_file(text_of(empty))->logs.empty());
}

TEST(StoreFile, IsTextForPeople) {
  EXPECT_EQ(text_of(example()).substr(0, 16 + 38 + 13),
            "outboxd store 1\nmark 30313233343536373839616263646566\ndurable 4711\n");
}

TEST(StoreFile, AnyChangedOrMissingByteIsNoticed) {
  const std::string text = text_of(example());
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 0x01);
    EXPECT_FALSE(parse_store_file(changed)) << at;
    EXPECT_FALSE(parse_store_file(text.substr(0, at))) << at;
  }
  EXPECT_FALSE(parse_store_file(text + "x"));
  EXPECT_FALSE(parse_store_file(std::string(text.size(), '\0')));
}

TEST(StoreFile, EveryNewOneHasAnotherMark) {
  EXPECT_NE(new_store_file()->mark, new_store_file()->mark);
  EXPECT_EQ(mark_in_batch(*new_store_file()).size(), 18U);
}

TEST(StoreFile, IsReplacedAsAWhole) {
  const support::TemporaryDirectory directory;
  rocksdb::Env& env = *rocksdb::Env::Default();
  EXPECT_FALSE(read_store_file(env, directory.file(""))->exists);
  ASSERT_TRUE(write_store_file(env, directory.file(""), example()));
  EXPECT_EQ(read_store_file(env, directory.file(""))->content->durable_sequence, 4711U);
}

}  // namespace
}  // namespace outboxd::storage
