#include "daemon/outbox_expiry.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/manual_elapsed_time.h"
#include "tests/unit/daemon/services/service_stage.h"

namespace outboxd::daemon {
namespace {

using domain::Seq;
using domain::Status;

constexpr std::int64_t kTtlMs = 300'000;

class OutboxExpiryTest : public testing::Test {
 protected:
  OutboxExpiryTest() { start({.order_ttl_ms = kTtlMs}); }

  // The daemon starts, over whatever the store holds.
  void start(OutboxExpiryOptions options) {
    expiry_ = std::make_unique<OutboxExpiry>(
        OutboxExpiryParts{.commits = commits_,
                          .reader = stage_.store,
                          .orders = orders_,
                          .clock = stage_.clock,
                          .elapsed = elapsed_,
                          .buried = [this](Seq seq) { buried_.push_back(seq); }},
        options);
    step();
  }

  void pass(std::int64_t ms) {
    elapsed_.now_ms += ms;
    stage_.store.set_elapsed(elapsed_.now_ms);
  }

  void create_order(const std::string& id) {
    domain::NewOrder request{.order_id = domain::OrderId::parse(id).value(),
                             .customer_id = domain::CustomerId::parse("c").value(),
                             .payment_method = "pm_ok",
                             .currency = domain::Currency::parse("GBP").value(),
                             .lines = {{.sku = "tea", .quantity = 1, .unit_price = 100}}};
    ASSERT_TRUE(stage_.run(
        [&](domain::UnitOfWork& work) { return orders_.create(std::move(request), work); }));
    commit();
  }

  void publish(std::optional<std::int64_t> ttl_ms) {
    ASSERT_TRUE(stage_.run([&](domain::UnitOfWork& work) {
      return stage_.publisher.publish({{.topic = "stock",
                                        .key = "k",
                                        .type = "t",
                                        .time_ms = 1,
                                        .ttl_ms = ttl_ms,
                                        .traceparent = "",
                                        .payload = domain::OpaquePayload{"\x01"}}},
                                      work);
    }));
    commit();
  }

  void commit() {
    std::unique_ptr<domain::SealedGroup> group = stage_.store.seal();
    if (group == nullptr) return;
    OUTBOXD_CHECK(group->write().ok());
    for (const domain::OutboxEntry& entry : group->entries()) {
      stored_seq_ = entry.seq;
      expiry_->note_stored(entry);
    }
    stage_.store.retire(std::move(group));
  }

  // Steps until there is nothing more to do at once.
  void step() {
    while (expiry_->step(delivered_seq_, stored_seq_)) commit();
    commit();
  }

  // "seq reason;" of every dead letter.
  std::string dead() {
    std::string text;
    EXPECT_TRUE(stage_.store.scan_dead(1, [&](const domain::DeadEntry& letter) {
      text += std::to_string(letter.entry.seq) + " " + letter.reason + ";";
      return true;
    }));
    return text;
  }

  domain::OrderStatus status_of(const std::string& id) {
    return stage_
        .run([&](domain::UnitOfWork& work) {
          return orders_.get(domain::OrderId::parse(id).value(), work);
        })
        .value()
        .status;
  }

  ServiceStage stage_;
  StageCommits commits_{stage_};
  support::ManualElapsedTime elapsed_;
  OrderService orders_{stage_.publisher, stage_.clock};
  Seq delivered_seq_ = 0;
  Seq stored_seq_ = 0;
  std::vector<Seq> buried_;
  std::unique_ptr<OutboxExpiry> expiry_;
};

TEST_F(OutboxExpiryTest, AnOrderThatCouldNotBePublishedInTimeExpires) {
  create_order("o-1");
  pass(kTtlMs - 1);
  step();
  EXPECT_EQ(dead(), "");
  EXPECT_EQ(status_of("o-1"), domain::OrderStatus::kCreated);
  pass(1);
  step();
  EXPECT_EQ(dead(), "1 expired: not delivered to the broker within 300000 ms;");
  EXPECT_EQ(status_of("o-1"), domain::OrderStatus::kExpired);
  EXPECT_EQ(stage_.outbox_topics(), "2:orders ") << "order.expired, in the same commit";
  EXPECT_EQ(buried_, (std::vector<Seq>{1}));
}

TEST_F(OutboxExpiryTest, WhatTheBrokerHasDoesNotExpire) {
  create_order("o-1");
  create_order("o-2");
  delivered_seq_ = 1;
  pass(kTtlMs);
  step();
  EXPECT_EQ(buried_, (std::vector<Seq>{2}));
  EXPECT_EQ(status_of("o-1"), domain::OrderStatus::kCreated);
}

TEST_F(OutboxExpiryTest, NeitherItsOtherEventsNorOtherTopicsExpireWithAnOrder) {
  create_order("o-1");
  publish(std::nullopt);
  pass(kTtlMs);
  step();
  pass(10 * kTtlMs);
  step();
  EXPECT_EQ(buried_, (std::vector<Seq>{1})) << "stock and order.expired wait for ever";
}

TEST_F(OutboxExpiryTest, AnOrderThatEndedOtherwiseOnlyLosesItsAnnouncement) {
  create_order("o-1");
  ASSERT_TRUE(stage_.run([&](domain::UnitOfWork& work) {
    return orders_.cancel(domain::OrderId::parse("o-1").value(), "", work);
  }));
  commit();
  pass(kTtlMs);
  step();
  EXPECT_EQ(buried_, (std::vector<Seq>{1}));
  EXPECT_EQ(status_of("o-1"), domain::OrderStatus::kCancelled);
}

TEST_F(OutboxExpiryTest, NeverMeansNever) {
  start({.order_ttl_ms = std::nullopt});
  create_order("o-1");
  pass(std::int64_t{1} << 50);
  step();
  EXPECT_EQ(dead(), "");
  EXPECT_FALSE(expiry_->is_waiting(delivered_seq_, stored_seq_));
}

TEST_F(OutboxExpiryTest, AnEventsOwnTimeToLiveCounts) {
  publish(5'000);
  publish(1'000);
  pass(1'000);
  step();
  EXPECT_EQ(dead(), "2 expired: not delivered to the broker within 1000 ms;");
  pass(4'000);
  step();
  EXPECT_EQ(buried_, (std::vector<Seq>{2, 1}));
}

TEST_F(OutboxExpiryTest, AfterARestartTimeGoesOnWhereItStood) {
  create_order("o-1");
  publish(400'000);
  pass(kTtlMs - 1);
  start({.order_ttl_ms = kTtlMs});
  EXPECT_EQ(dead(), "");
  pass(1);
  step();
  EXPECT_EQ(buried_, (std::vector<Seq>{1}));
  pass(100'000);
  step();
  EXPECT_EQ(buried_, (std::vector<Seq>{1, 2}));
}

TEST_F(OutboxExpiryTest, AWallClockThatJumpsAYearEitherWayExpiresNothingEarlyNorLate) {
  constexpr std::int64_t kYearMs = std::int64_t{366} * 24 * 3600 * 1000;
  create_order("o-1");
  publish(1'000);
  for (const std::int64_t jump_ms : {kYearMs, -2 * kYearMs}) {
    stage_.clock.now_ms += jump_ms;
    step();
    EXPECT_EQ(dead(), "");
    start({.order_ttl_ms = kTtlMs});
    EXPECT_EQ(dead(), "") << "nor does a restart in that year";
  }
  pass(1'000);
  step();
  EXPECT_EQ(buried_, (std::vector<Seq>{2}));
  pass(kTtlMs);
  step();
  EXPECT_EQ(buried_, (std::vector<Seq>{2, 1}));
}

TEST_F(OutboxExpiryTest, MoreThanItRemembersExpireInTimeAllTheSame) {
  start({.order_ttl_ms = std::nullopt, .max_tracked = 2, .max_per_step = 3});
  for (std::int64_t ttl_ms = 1; ttl_ms <= 10; ++ttl_ms) publish(ttl_ms * 1'000);
  for (std::size_t second = 1; second <= 10; ++second) {
    pass(1'000);
    step();
    EXPECT_EQ(buried_.size(), second);
  }
}

TEST_F(OutboxExpiryTest, ABacklogIsWorkedOffInBoundedSteps) {
  start({.order_ttl_ms = kTtlMs, .max_tracked = 10, .max_per_step = 3});
  for (int i = 0; i < 10; ++i) create_order("o-" + std::to_string(i));
  pass(kTtlMs);
  EXPECT_TRUE(expiry_->step(delivered_seq_, stored_seq_));
  EXPECT_EQ(buried_.size(), 3U);
  step();
  EXPECT_EQ(buried_.size(), 10U);
}

TEST_F(OutboxExpiryTest, WithoutRoomForItsEventAnOrderExpiresLater) {
  create_order("o-1");
  pass(kTtlMs);
  stage_.backlog.entries = stage_.backlog.max_entries;
  step();
  EXPECT_EQ(dead(), "") << "neither half of it happens";
  EXPECT_EQ(status_of("o-1"), domain::OrderStatus::kCreated);
  stage_.backlog.entries = 0;
  step();
  EXPECT_EQ(buried_, (std::vector<Seq>{1}));
  EXPECT_EQ(status_of("o-1"), domain::OrderStatus::kExpired);
}

}  // namespace
}  // namespace outboxd::daemon
