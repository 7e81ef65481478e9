#include "daemon/outbox_ledger.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/unit/daemon/api/served_methods.h"
#include "tests/unit/daemon/services/service_stage.h"

namespace outboxd::daemon {
namespace {

using client::Client;
using client::Json;
using domain::Seq;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kNeverMs = 24 * 3600 * 1000;  // longer than a test

// Orders are complete when group payments has them, everything else when the broker has it.
class OutboxLedgerTest : public testing::Test, protected ServedMethods {
 protected:
  OutboxLedgerTest() { add_outbox_methods(methods_, api_); }
  ~OutboxLedgerTest() override { stop(); }

  // Starts with a ledger that writes progress on its own after `flush_ms`.
  void start_ledger(std::int64_t flush_ms = kNeverMs) {
    ledger_ = std::make_unique<OutboxLedger>(OutboxLedgerParts{.loop = loop_,
                                                               .core = core_,
                                                               .disk = disk_guard_,
                                                               .reader = store_,
                                                               .clock = clock_,
                                                               .backlog = backlog_,
                                                               .progress = progress_,
                                                               .completion = completion_,
                                                               .api = api_,
                                                               .flush_ms = flush_ms});
    core_.before_seal([this] { ledger_->before_seal(); });
    core_.after_commit([this](const domain::SealedGroup& group) { ledger_->note_durable(group); });
    loop_.at_turn_end([this] { ledger_->catch_up(); });
    start();
  }

  // Commits an event on each of the topics: 'o' is orders, 's' is stock.
  void store(const std::string& topics) {
    commit([&](domain::UnitOfWork& work) {
      for (const char topic : topics) {
        work.outbox().append({.seq = 0,
                              .time_ms = 1,
                              .ttl_ms = {},
                              .topic = topic == 'o' ? "orders" : "stock",
                              .envelope = "e"});
      }
      return domain::ok_status();
    });
  }
  void acknowledge(Seq seq) {
    on_core([&] { ledger_->acknowledged(seq); });
  }
  void consume(SeqRange range) {
    on_core([&] { ledger_->consumed("orders", {range}); });
  }

  // Asks to be told when event `seq` has reached `level`, and returns once that is heard.
  void await(Client& client, Seq seq, const std::string& level) {
    const std::size_t waiting = waits();
    const Json arguments = {{"seq", seq}, {"level", level}, {"timeout_ms", 60'000}};
    ASSERT_TRUE(client.send("outbox.wait", arguments).ok());
    ASSERT_TRUE(client.flush().ok());
    while (waits() == waiting) continue;  // each look is a turn of the loop, which reads requests
  }
  std::size_t waits() {
    return on_core([this] { return progress_.waiting(); });
  }
  static Json next_answer(Client& client) { return client.receive().value().outcome.value(); }

  std::uint64_t free_bytes_ = 1000;  // core thread
  DiskGuard disk_guard_{{.soft_free_bytes = 100, .hard_free_bytes = 10},
                        [this] { return free_bytes_; }};
  SetClock clock_;
  OutboxPublisher::Backlog backlog_{.max_entries = 100};
  OutboxProgressWatch progress_{0, 0};
  OutboxCompletion completion_{
      {{"orders", "payments"}}, 0, {}, {.known_entries = 8, .ranges_per_topic = 100}};
  EventTail tail_{server_, store_, "till-1"};
  const OutboxApi api_{server_, store_, progress_, completion_, tail_, clock_, "till-1"};
  std::unique_ptr<OutboxLedger> ledger_;  // set before the loop runs, core thread then
};

TEST_F(OutboxLedgerTest, ProgressRidesInTheNextGroup) {
  start_ledger();
  store("ss");
  acknowledge(2);
  EXPECT_EQ(contents().completed, 0U) << "nothing was written for it";
  store("s");
  EXPECT_EQ(contents().completed, 2U);
}

TEST_F(OutboxLedgerTest, ProgressIsWrittenOnItsOwnWhenNothingElseIs) {
  start_ledger(/*flush_ms=*/1);
  store("ss");
  acknowledge(2);
  while (contents().completed != 2) on_core([] {});
}

TEST_F(OutboxLedgerTest, G5AnEventOfAConsumedTopicStaysUntilItsGroupHasProcessedIt) {
  start_ledger();
  store("so");
  acknowledge(2);
  store("s");
  EXPECT_EQ(contents().completed, 1U) << "the broker has the order, and nobody has paid it";
  consume({2, 2});
  store("s");
  EXPECT_EQ(contents().completed, 2U);
}

TEST_F(OutboxLedgerTest, WhatIsCompleteAboveAnEventThatIsNotIsRecordedForTheNextStart) {
  start_ledger();
  store("ooo");
  acknowledge(3);
  consume({2, 3});
  store("s");
  EXPECT_EQ(contents().completed, 0U);
  EXPECT_THAT(contents().complete_above, ElementsAre(domain::SeqRange{2, 3}));
  consume({1, 1});
  store("s");
  EXPECT_EQ(contents().completed, 3U);
  EXPECT_THAT(contents().complete_above, IsEmpty());
}

TEST_F(OutboxLedgerTest, TheBacklogIsWhatIsStoredAndNotComplete) {
  start_ledger();
  store("sos");
  EXPECT_EQ(on_core([this] { return backlog_.entries; }), 3U);
  acknowledge(3);
  EXPECT_EQ(on_core([this] { return backlog_.entries; }), 2U) << "the order and what is behind it";
  consume({2, 2});
  EXPECT_EQ(on_core([this] { return backlog_.entries; }), 0U);
}

TEST_F(OutboxLedgerTest, WhoWaitsIsAnsweredAtTheLevelThatWasAskedFor) {
  start_ledger();
  Client client = connect();
  await(client, 1, "stored");
  await(client, 1, "delivered");
  await(client, 1, "consumed");
  EXPECT_EQ(waits(), 3U);
  store("o");
  EXPECT_EQ(next_answer(client).at("level"), "stored");
  EXPECT_EQ(waits(), 2U);
  acknowledge(1);
  EXPECT_EQ(next_answer(client).at("level"), "delivered");
  EXPECT_EQ(waits(), 1U);
  consume({1, 1});
  EXPECT_EQ(next_answer(client).at("level"), "consumed");
  EXPECT_EQ(waits(), 0U);
}

TEST_F(OutboxLedgerTest, ARejectedEventBecomesALetterThatSaysWhy) {
  start_ledger();
  store("ss");
  on_core([this] { ledger_->rejected(1, "topic_not_allowed", "stock is not wanted"); });
  store("s");
  ASSERT_TRUE(contents().dead.contains(1));
  EXPECT_EQ(contents().dead.at(1).reason, "topic_not_allowed: stock is not wanted");
  EXPECT_FALSE(contents().outbox.contains(1));
}

TEST_F(OutboxLedgerTest, G5ARejectedEventCountsAsDeliveredWhenItsLetterIsDurableAndNotBefore) {
  start_ledger();
  store("s");
  on_core([this] {
    ledger_->rejected(1, "too_large", "no");
    ledger_->acknowledged(1);
    EXPECT_EQ(progress_.delivered_seq(), 0U) << "a crash now would leave neither event nor letter";
  });
  while (on_core([this] { return progress_.delivered_seq(); }) != 1) continue;
  EXPECT_TRUE(contents().dead.contains(1));
}

TEST_F(OutboxLedgerTest, ARejectionOfWhatIsALetterAlreadyHoldsNothingUp) {
  start_ledger();
  store("s");
  on_core([this] { ledger_->rejected(1, "too_large", "no"); });
  store("s");
  on_core([this] {
    ledger_->rejected(1, "too_large", "said again after a reconnect");
    ledger_->acknowledged(2);
  });
  while (on_core([this] { return progress_.delivered_seq(); }) != 2) continue;
  EXPECT_EQ(contents().dead.at(1).reason, "too_large: no");
}

TEST_F(OutboxLedgerTest, OnAFullDiskProgressStaysInMemoryAndIsWrittenWhenThereIsSpace) {
  start_ledger();
  store("s");
  on_core([this] {
    free_bytes_ = 0;
    disk_guard_.refresh();
  });
  acknowledge(1);
  store("s");
  EXPECT_EQ(contents().completed, 0U);
  on_core([this] {
    free_bytes_ = 1000;
    disk_guard_.refresh();
  });
  store("s");
  EXPECT_EQ(contents().completed, 1U);
}

TEST_F(OutboxLedgerTest, EventsBeyondWhatItRemembersAreReadAgainToLearnTheirTopics) {
  start_ledger();
  store("ssssssssssssssssoss");  // the order is event 17; eight are remembered
  acknowledge(19);
  while (on_core([this] { return completion_.completed_seq(); }) != 16) continue;
  consume({17, 17});
  while (on_core([this] { return completion_.completed_seq(); }) != 19) continue;
  EXPECT_EQ(on_core([this] { return backlog_.entries; }), 0U);
}

}  // namespace
}  // namespace outboxd::daemon
