// The relay's two sides as the link sees them, on the in-memory store. Nothing listens at the
// endpoint: the test plays the link.
#include "daemon/relay.h"

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/daemon/services/service_stage.h"

namespace outboxd::daemon {
namespace {

class RelayTest : public testing::Test {
 protected:
  // Makes entries durable, each its own unit of work.
  void store_entries(int count) {
    for (int i = 0; i < count; ++i) {
      (void)stage_.run([](domain::UnitOfWork& work) -> domain::Status {
        work.outbox().append({.topic = "t", .envelope = "event"});
        return domain::ok_status();
      });
    }
    stage_.commit();
  }

  void bury(domain::Seq seq) {
    ASSERT_TRUE(stage_.run(
        [seq](domain::UnitOfWork& work) { return work.outbox().bury(seq, "refused", 0); }));
  }

  // What the link is given from `from` on: "e" for an event, "-" for a withdrawal.
  std::string read(domain::Seq from) {
    transport::PublishBatch batch;
    const domain::Status status = source().read(from, 100, 1 << 20, batch);
    if (!status) return "error: " + status.error().message;
    std::string text;
    for (const std::string& envelope : batch.envelopes) text += envelope.empty() ? "-" : "e";
    return text;
  }

  transport::PublishSource& source() { return relay_; }
  transport::LinkObserver& observer() { return relay_; }

  domain::OutboxProgress progress() {
    domain::OutboxProgress progress;
    (void)stage_.store.scan_outbox(1, [&](const domain::OutboxEntry& entry) {
      progress.next_seq = entry.seq + 1;
      return true;
    });
    progress.next_seq = std::max(progress.next_seq, stored_next_seq_);
    progress.completed_seq = completed_seq_;
    return progress;
  }

  ServiceStage stage_;
  transport::EventLoop loop_;
  domain::Seq stored_next_seq_ = 1;
  domain::Seq completed_seq_ = 0;
  std::vector<std::string> told_;
  Relay relay_{
      {},
      loop_,
      stage_.store,
      [this] { return progress(); },
      stage_.clock,
      {.acknowledged =
           [this](domain::Seq seq) { told_.push_back("acknowledged " + std::to_string(seq)); },
       .rejected =
           [this](domain::Seq seq, const std::string& code, const std::string&) {
             told_.push_back("rejected " + std::to_string(seq) + " " + code);
           },
       .link_changed = [](const LinkStatus&) {}}};
};

TEST_F(RelayTest, GivesTheLinkDurableEntriesAndNothingBeyond) {
  store_entries(3);
  EXPECT_EQ(read(1), "eee");
  EXPECT_EQ(read(3), "e");
  EXPECT_EQ(read(4), "");
}

TEST_F(RelayTest, AnEntryThatWasBuriedBecomesAWithdrawalInItsPlace) {
  store_entries(4);
  bury(1);
  bury(3);
  stage_.commit();
  EXPECT_EQ(read(1), "-e-e");
}

TEST_F(RelayTest, AWithdrawalAtTheEndOfTheOutboxIsGivenToo) {
  store_entries(2);
  stored_next_seq_ = 3;
  bury(2);
  stage_.commit();
  EXPECT_EQ(read(1), "e-");
}

TEST_F(RelayTest, ARejectedEntryHoldsTheLinkUpUntilItsDeadLetterIsDurable) {  // G5
  store_entries(3);
  observer().on_rejected(2, "forbidden_topic", "no");
  EXPECT_EQ(read(1), "e");
  EXPECT_EQ(read(2), "");
  bury(2);
  EXPECT_EQ(read(2), "") << "decided, but not durable";
  stage_.commit();
  EXPECT_EQ(read(2), "-e");
}

TEST_F(RelayTest, G13EachPositionIsGivenWithItsChainFromMemoryAsFromTheDisk) {
  observer().on_link_state(transport::LinkState::kConnected, "");
  stage_.store.begin().outbox().append({.topic = "t", .envelope = "a"});
  stage_.store.begin().outbox().append({.topic = "t", .envelope = "b"});
  auto group = stage_.store.seal();
  ASSERT_TRUE(group->write().ok());
  relay_.offer(*group);
  stage_.store.retire(std::move(group));

  transport::PublishBatch fresh;
  ASSERT_TRUE(source().read(1, 100, 1 << 20, fresh).ok());
  relay_.forget_fresh();
  transport::PublishBatch stored;
  ASSERT_TRUE(source().read(1, 100, 1 << 20, stored).ok());
  EXPECT_EQ(fresh.envelopes, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(fresh.chains,
            (std::vector{stage_.store.chain_at(1).value(), stage_.store.chain_at(2).value()}));
  EXPECT_EQ(stored.envelopes, fresh.envelopes);
  EXPECT_EQ(stored.chains, fresh.chains);

  bury(1);
  stage_.commit();
  ASSERT_TRUE(source().read(1, 1, 1 << 20, stored).ok());
  EXPECT_EQ(stored.envelopes, std::vector<std::string>{""});
  EXPECT_EQ(stored.chains, std::vector{fresh.chains.front()});
}

TEST_F(RelayTest, G13NothingIsPublishedPastDamageAndTheLinkStaysUp) {
  store_entries(5);
  stage_.store.damage_at(3);
  EXPECT_EQ(read(1), "ee") << "what stands before it is";
  EXPECT_EQ(read(3), "") << "neither an error, which would end the link, nor a withdrawal";
  EXPECT_EQ(read(3), "");
}

TEST_F(RelayTest, WhatTheBrokerHasLostIsNotPassedOffAsWithdrawn) {
  store_entries(3);
  stored_next_seq_ = 4;
  completed_seq_ = 2;
  EXPECT_EQ(read(3), "e");
  EXPECT_NE(read(2).find("the broker has lost data"), std::string::npos);
}

TEST_F(RelayTest, RejectionsAreToldBeforeTheAcknowledgementThatPassesThem) {  // G5
  observer().on_acknowledged(1);
  observer().on_rejected(2, "too_large", "no");
  observer().on_acknowledged(2);
  std::thread core([this] { loop_.run(); });
  loop_.stop();
  core.join();
  EXPECT_EQ(told_, (std::vector<std::string>{"rejected 2 too_large", "acknowledged 2"}));
}

}  // namespace
}  // namespace outboxd::daemon
