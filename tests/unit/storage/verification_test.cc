#include "storage/verification.h"

#include <gmock/gmock.h>

#include "storage/families.h"
#include "storage/records.h"
#include "tests/support/temporary_directory.h"

namespace outboxd::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Verification : public testing::Test {
 protected:
  void SetUp() override {
    DatabaseOptions options{.path = directory_.file("data"), .format_name = "test"};
    for (const char* name : kFamilyNames) options.families.push_back({.name = name});
    auto opened = Database::open(std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    database_ = std::move(opened).value();
  }

  void put(Family family, std::string_view key, std::string_view value) {
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put(database_->family(static_cast<std::size_t>(family)), key, value).ok());
    ASSERT_TRUE(database_->write_synced(batch).ok());
  }

  void put_entry(domain::Seq seq) {
    std::string value;
    encode(domain::OutboxEntry{.topic = "t", .envelope = "e"}, value);
    put(Family::kOutbox, SeqKey(seq).view(), value);
  }

  VerifyReport verify() { return verify_store(*database_, progress_).value(); }

  const support::TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
  DurableProgress progress_;
};

TEST_F(Verification, AnEmptyStoreIsWell) {
  EXPECT_THAT(verify().problems, IsEmpty());
}

TEST_F(Verification, EntriesAreCountedAndCompletedOnesAreNotJudged) {
  put(Family::kOutbox, SeqKey(1).view(), "garbage that the collector will take");
  for (domain::Seq seq = 3; seq <= 5; ++seq) put_entry(seq);
  progress_.publish(/*last_seq=*/5, /*completed=*/2, /*dead=*/0);
  EXPECT_THAT(verify().problems, IsEmpty());
  EXPECT_EQ(verify().outbox_entries, 3U);
}

TEST_F(Verification, AMissingEntryIsAProblem) {
  put_entry(1);
  put_entry(4);
  progress_.publish(5, 0, 0);
  EXPECT_THAT(verify().problems, ElementsAre(HasSubstr("2 to 3"), HasSubstr("5 to 5")));
}

TEST_F(Verification, RecordsThatDoNotDecodeAreNamed) {
  put(Family::kState, "oorder-9", "garbage");
  put(Family::kState, "kkey-9", "");
  put(Family::kState, "?", "");
  put(Family::kRequests, "request-9", "garbage");
  put(Family::kDead, SeqKey(9).view(), "garbage");
  progress_.publish(/*last_seq=*/9, /*completed=*/8, /*dead=*/1);
  EXPECT_THAT(verify().problems, ElementsAre(HasSubstr("'?' belongs to nobody"), HasSubstr("key-9"),
                                             HasSubstr("order-9"), HasSubstr("request-9"),
                                             HasSubstr("dead letter '9'")));
}

TEST_F(Verification, PaymentsAndMarksAreCountedAndRead) {
  put(Family::kState, "ppay-9", "garbage");
  std::string mark;
  encode_number(7, mark);
  put(Family::kInbox, inbox_key("payments", "till-1", 1), mark);
  put(Family::kInbox, inbox_key("payments", "till-1", 2), "garbage");
  EXPECT_THAT(verify().problems, ElementsAre(HasSubstr("payment 'pay-9'"), HasSubstr("mark")));
  EXPECT_EQ(verify().payments, 1U);
  EXPECT_EQ(verify().inbox_marks, 2U);
}

TEST_F(Verification, ARemovedDeadLetterIsNeitherALetterNorAGap) {
  put_entry(1);
  std::string removed;
  encode_removed_letter(removed);
  put(Family::kDead, SeqKey(2).view(), removed);
  progress_.publish(/*last_seq=*/2, /*completed=*/0, /*dead=*/0);
  EXPECT_THAT(verify().problems, IsEmpty());
  EXPECT_EQ(verify().dead_entries, 0U);
}

TEST_F(Verification, ACountOfDeadLettersThatIsWrongIsAProblem) {
  progress_.publish(/*last_seq=*/0, /*completed=*/0, /*dead=*/3);
  EXPECT_THAT(verify().problems, ElementsAre(HasSubstr("0 dead letters, but 3 were counted")));
}

TEST_F(Verification, TheNumberOfProblemsIsBounded) {
  rocksdb::WriteBatch batch;
  for (int i = 0; i < 300; ++i) {
    const auto status = batch.Put(database_->family(static_cast<std::size_t>(Family::kState)),
                                  "o" + std::to_string(i), "garbage");
    ASSERT_TRUE(status.ok());
  }
  ASSERT_TRUE(database_->write_synced(batch).ok());
  EXPECT_EQ(verify().problems.size(), 100U);
  EXPECT_EQ(verify().orders, 300U);
}

}  // namespace
}  // namespace outboxd::storage
