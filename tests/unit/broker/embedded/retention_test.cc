#include "broker/embedded/retention.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "broker/embedded/embedded_engine.h"
#include "tests/support/temporary_directory.h"

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kKeepMs = 64'000;  // a mark each second
const GroupId kPayments{"orders", "payments"};

class RetentionTest : public ::testing::Test {
 protected:
  RetentionTest() { reopen(); }

  void reopen() {
    engine_.reset();
    auto opened = EmbeddedEngine::open({.directory = directory_.file("data"),
                                        .retention = {.events_ms = kKeepMs, .dead_ms = kKeepMs}});
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    engine_ = std::move(opened).value();
  }

  // One more event of "orders", when the broker has run for `elapsed_ms`.
  void append_at(std::int64_t elapsed_ms) {
    AppendBatch batch;
    batch.positions = {{"a", 1, ++seq_}};
    batch.events = {{0, seq_, "orders", "e"}};
    batch.elapsed_ms = elapsed_ms;
    ASSERT_TRUE(engine_->append(batch));
  }

  void change_at(std::int64_t elapsed_ms, GroupChange change) {
    AppendBatch batch;
    change.id = kPayments;
    batch.groups.push_back(std::move(change));
    batch.elapsed_ms = elapsed_ms;
    ASSERT_TRUE(engine_->append(batch));
  }

  std::vector<Offset> offsets(std::string_view topic = "orders") {
    std::vector<Offset> found;
    EXPECT_TRUE(engine_->read(topic, 1, [&](const StoredEvent& event) {
      found.push_back(event.offset);
      return true;
    }));
    return found;
  }

  const support::TemporaryDirectory directory_;
  std::unique_ptr<EmbeddedEngine> engine_;
  domain::Seq seq_ = 0;
};

TEST_F(RetentionTest, EventsThatEveryGroupIsDoneWithGoWhenTheyAreOldEnough) {
  append_at(1'000);
  append_at(2'000);
  change_at(3'000, {.cursor = 3});
  append_at(1'000 + kKeepMs);
  EXPECT_THAT(offsets(), ElementsAre(2, 3));
  append_at(2'000 + kKeepMs);
  EXPECT_THAT(offsets(), ElementsAre(3, 4));
  reopen();
  EXPECT_THAT(offsets(), ElementsAre(3, 4));
  EXPECT_EQ(engine_->topics().at(0).first_offset, 3U);
}

TEST_F(RetentionTest, WhatAGroupHasNotPassedStays) {
  append_at(1'000);
  append_at(2'000);
  change_at(3'000, {.cursor = 2});
  append_at(10 * kKeepMs);
  EXPECT_THAT(offsets(), ElementsAre(2, 3));
}

TEST_F(RetentionTest, ADeferredEventStaysUntilItHasACopyOfItsOwn) {
  append_at(1'000);
  append_at(2'000);
  DeferredEvent retrying;
  retrying.offset = 1;
  retrying.producer = "a";
  retrying.seq = 1;
  change_at(3'000, {.cursor = 3, .defer = {retrying}});
  append_at(10 * kKeepMs);
  EXPECT_THAT(offsets(), ElementsAre(1, 2, 3));
  retrying.envelope = "its own copy";
  change_at(10 * kKeepMs + 1, {.defer = {retrying}});
  append_at(11 * kKeepMs);
  EXPECT_THAT(offsets(), ElementsAre(3, 4));
}

TEST_F(RetentionTest, ATopicThatNobodyConsumesKeepsItsEvents) {
  append_at(1'000);
  append_at(100 * kKeepMs);
  EXPECT_THAT(offsets(), ElementsAre(1, 2));
}

TEST_F(RetentionTest, OffsetsGoOnWhenEverythingIsGone) {
  append_at(1'000);
  change_at(2'000, {.cursor = 2});
  change_at(10 * kKeepMs, {});
  EXPECT_THAT(offsets(), ElementsAre());
  reopen();
  append_at(10 * kKeepMs + 1);
  EXPECT_THAT(offsets(), ElementsAre(2));
}

TEST_F(RetentionTest, DeadLettersGoByTheirOwnAgeAndAreCounted) {
  append_at(1'000);
  DeadLetter letter;
  letter.producer = "a";
  letter.seq = 1;
  letter.envelope = "e";
  change_at(2'000, {.bury = {letter, letter}});
  change_at(4'000, {.bury = {letter}});
  EXPECT_EQ(engine_->count_dead(kPayments), 3U);
  change_at(2'000 + kKeepMs, {});
  EXPECT_EQ(engine_->count_dead(kPayments), 1U);
  EXPECT_THAT(offsets("dead:orders:payments"), ElementsAre(3));
  reopen();
  EXPECT_EQ(engine_->count_dead(kPayments), 1U);
}

TEST_F(RetentionTest, CollectingFreesTheDiskAndNothingElse) {
  const std::string envelope(1'000, 'x');
  constexpr domain::Seq kEvents = 60'000;
  for (domain::Seq first = 1; first <= kEvents; first += 1'000) {
    AppendBatch batch;
    batch.positions = {{"a", 1, first + 999}};
    for (domain::Seq seq = first; seq < first + 1'000; ++seq) {
      batch.events.push_back({0, seq, "orders", envelope});
    }
    batch.elapsed_ms = 1'000;
    ASSERT_TRUE(engine_->append(batch));
  }
  seq_ = kEvents;
  change_at(2'000, {.cursor = kEvents + 1});
  append_at(10 * kKeepMs);
  const std::uint64_t before = engine_->stats().disk_bytes;
  ASSERT_TRUE(engine_->collect());
  EXPECT_LT(engine_->stats().disk_bytes, before / 2);
  EXPECT_THAT(offsets(), ElementsAre(kEvents + 1));
  reopen();
  EXPECT_THAT(offsets(), ElementsAre(kEvents + 1));
}

}  // namespace
}  // namespace outboxd::broker
