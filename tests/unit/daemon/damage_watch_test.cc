#include "daemon/damage_watch.h"

#include <gtest/gtest.h>

#include "daemon/watched_reader.h"
#include "tests/unit/daemon/services/service_stage.h"

namespace outboxd::daemon {
namespace {

using domain::Error;
using domain::ErrorCode;

class DamageWatchTest : public testing::Test {
 protected:
  void note(const std::string& message) { watch_.note({ErrorCode::kDamaged, message, {}}); }

  ServiceStage stage_;
  DamageWatch watch_{stage_.clock};
};

TEST_F(DamageWatchTest, OtherErrorsAreNoDamage) {
  for (const ErrorCode code :
       {ErrorCode::kInternal, ErrorCode::kNotFound, ErrorCode::kStorageFull}) {
    watch_.note({code, "no", {}});
  }
  EXPECT_FALSE(watch_.is_damaged());
  EXPECT_TRUE(watch_.admit_write().ok());
}

TEST_F(DamageWatchTest, FromTheFirstDamageOnNothingIsWrittenAndTheFirstReasonIsGiven) {
  note("table 7");
  EXPECT_TRUE(watch_.is_damaged());
  const Error refusal = watch_.admit_write().error();
  EXPECT_EQ(refusal.code, ErrorCode::kDamaged);
  EXPECT_NE(refusal.message.find("table 7"), std::string::npos);
  EXPECT_NE(refusal.message.find("outboxd --repair"), std::string::npos);
}

TEST_F(DamageWatchTest, ProblemsAreKeptOnceAndNotWithoutEnd) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 100; ++i) note("problem " + std::to_string(i));
  }
  const DamageWatch::Damage damage = watch_.damage();
  EXPECT_EQ(damage.since_ms, stage_.clock.wall_ms());
  ASSERT_EQ(damage.problems.size(), 8U);
  EXPECT_EQ(damage.problems[1], "problem 1");
}

TEST_F(DamageWatchTest, WhatAReaderComesUponIsNoted) {
  WatchedReader reader(stage_.store, watch_);
  ASSERT_TRUE(stage_.run([](domain::UnitOfWork& work) {
    work.outbox().append({.topic = "t", .envelope = "e"});
    return domain::ok_status();
  }));
  stage_.commit();
  const auto all = [](const domain::OutboxEntry&) { return true; };
  EXPECT_TRUE(reader.scan_outbox(1, all).ok());
  EXPECT_FALSE(watch_.is_damaged());
  stage_.store.damage_at(1);
  EXPECT_FALSE(reader.scan_outbox(1, all).ok());
  EXPECT_TRUE(watch_.is_damaged());
}

}  // namespace
}  // namespace outboxd::daemon
