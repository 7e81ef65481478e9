#include "daemon/outbox_check.h"

#include <gtest/gtest.h>

#include "daemon/watched_reader.h"
#include "tests/unit/daemon/services/service_stage.h"

namespace outboxd::daemon {
namespace {

class OutboxCheckTest : public testing::Test {
 protected:
  void store_entries(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(stage_.run([](domain::UnitOfWork& work) {
        work.outbox().append({.topic = "t", .envelope = "event"});
        return domain::ok_status();
      }));
    }
    stage_.commit();
  }

  // How many pieces it takes until there are no more.
  int pieces(OutboxCheck& check) {
    int pieces = 1;
    while (check.step()) ++pieces;
    return pieces;
  }

  ServiceStage stage_;
  DamageWatch watch_{stage_.clock};
  WatchedReader reader_{stage_.store, watch_};
};

TEST_F(OutboxCheckTest, AnEmptyOutboxIsDoneAtOnce) {
  OutboxCheck check(reader_, 0);
  EXPECT_FALSE(check.step());
}

TEST_F(OutboxCheckTest, TheOutboxIsReadInPiecesToItsEnd) {
  store_entries(10);
  OutboxCheck by_entries(reader_, 10, {.entries = 4, .bytes = 1000});
  EXPECT_EQ(pieces(by_entries), 3);
  OutboxCheck by_bytes(reader_, 10, {.entries = 1000, .bytes = 9});
  EXPECT_EQ(pieces(by_bytes), 5);
  EXPECT_FALSE(watch_.is_damaged());
}

TEST_F(OutboxCheckTest, DamageThatNobodyHasReadIsFound) {
  store_entries(10);
  stage_.store.damage_at(9);
  OutboxCheck check(reader_, 10, {.entries = 4, .bytes = 1000});
  EXPECT_TRUE(check.step());
  EXPECT_TRUE(check.step());
  EXPECT_FALSE(watch_.is_damaged());
  EXPECT_FALSE(check.step());
  EXPECT_TRUE(watch_.is_damaged());
  EXPECT_FALSE(check.step()) << "once";
}

TEST_F(OutboxCheckTest, WhatCameAfterTheStartIsNotRead) {
  store_entries(10);
  stage_.store.damage_at(9);
  OutboxCheck check(reader_, 8);
  EXPECT_EQ(pieces(check), 1);
  EXPECT_FALSE(watch_.is_damaged());
}

TEST_F(OutboxCheckTest, WhatIsCompletedMeanwhileIsNotMissed) {
  store_entries(10);
  OutboxCheck check(reader_, 10, {.entries = 4, .bytes = 1000});
  EXPECT_TRUE(check.step());
  ASSERT_TRUE(stage_.run([](domain::UnitOfWork& work) {
    work.outbox().complete_through(10);
    return domain::ok_status();
  }));
  stage_.commit();
  EXPECT_FALSE(check.step());
}

}  // namespace
}  // namespace outboxd::daemon
