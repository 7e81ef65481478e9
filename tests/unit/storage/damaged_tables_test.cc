#include "storage/damaged_tables.h"

#include <atomic>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "tests/support/read_file.h"
#include "tests/unit/storage/store_fixture.h"

namespace outboxd::storage {
namespace {

namespace fs = std::filesystem;
using domain::ErrorCode;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class DamagedTables : public StoreFixture {
 protected:
  // Leaves 500 entries in a table, of which one bit is another one then.
  void make_damaged_table() {
    open();
    append_entries(500, 1000);
    ASSERT_TRUE(store().compact().ok());
    close();
    fs::path table;
    for (const auto& entry : fs::directory_iterator(path_)) {
      if (entry.path().extension() != ".sst") continue;
      if (table.empty() || entry.file_size() > fs::file_size(table)) table = entry.path();
    }
    std::string bytes = support::read_file(table.string());
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    std::ofstream(table, std::ios::binary) << bytes;
  }

  void append_one() {
    store().begin().outbox().append({.topic = "orders", .envelope = "one more"});
    store().accept();
    commit();
  }

  std::atomic<int> told_ = 0;
};

TEST_F(DamagedTables, WhatStandsBeforeTheDamageIsReadAndTheErrorSaysDamaged) {
  make_damaged_table();
  open();
  std::size_t read = 0;
  const auto status =
      store().scan_outbox(1, [&](const domain::OutboxEntry&) { return ++read > 0; });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kDamaged);
  EXPECT_GT(read, 100U);
  EXPECT_LT(read, 500U);
  EXPECT_THAT(store().verify()->damages, Contains(HasSubstr(".sst")));
  EXPECT_EQ(store().stats()->pending_entries, 500U) << "the figures do not depend on it";
}

// A background error would end the process with the next commit, and after each restart.
TEST_F(DamagedTables, ACompactionThatComesUponDamageIsToldAndCommitsGoOn) {
  make_damaged_table();
  StoreOptions watched = options();
  watched.on_damage = [this](const domain::Error& error) {
    told_ += error.code == ErrorCode::kDamaged ? 1 : 0;
  };
  open(watched);
  append_one();
  const auto status = store().compact();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kDamaged);
  EXPECT_GT(told_, 0);
  append_one();
  EXPECT_TRUE(store().stop_compacting().ok());
  append_one();
  close();
  open();
  EXPECT_EQ(store().progress_at_open().next_seq, 504U);
}

TEST_F(DamagedTables, ARepairNamesThemAndTouchesNothing) {
  make_damaged_table();
  StoreOptions repairing = options();
  repairing.repair = true;
  const auto refused = OutboxStore::open(repairing);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kDamaged);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr(".sst"), HasSubstr("events 1 to 500"),
                                             HasSubstr("restore a backup")));
  open();
  EXPECT_EQ(store().epoch(), 2U);
}

}  // namespace
}  // namespace outboxd::storage
