#include "broker/space_guard.h"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/appliance.h"
#include "tests/unit/broker/link_peer.h"
#include "tests/unit/broker/running_broker.h"

namespace outboxd::broker {
namespace {

class SpaceGuardTest : public ::testing::Test {
 protected:
  std::uint64_t free_bytes_ = 1000;
  SpaceGuard guard_{{.soft_free_bytes = 200, .hard_free_bytes = 100},
                    [this] { return free_bytes_; }};
};

TEST_F(SpaceGuardTest, EachLevelBeginsBelowItsLimit) {
  const auto level_with = [this](std::uint64_t free_bytes) {
    free_bytes_ = free_bytes;
    guard_.refresh();
    return guard_.level();
  };
  EXPECT_EQ(level_with(200), SpaceLevel::kOk);
  EXPECT_EQ(level_with(199), SpaceLevel::kSoft);
  EXPECT_EQ(level_with(100), SpaceLevel::kSoft);
  EXPECT_EQ(level_with(99), SpaceLevel::kHard);
  EXPECT_EQ(level_with(0), SpaceLevel::kHard);
}

TEST_F(SpaceGuardTest, AChangeOfLevelIsToldOnceAndSpaceThatReturnsIsOneToo) {
  EXPECT_FALSE(guard_.refresh());
  free_bytes_ = 150;
  EXPECT_TRUE(guard_.refresh());
  free_bytes_ = 140;
  EXPECT_FALSE(guard_.refresh());
  EXPECT_EQ(guard_.free_bytes(), 140U);
  free_bytes_ = 5000;
  EXPECT_TRUE(guard_.refresh());
  EXPECT_EQ(guard_.level(), SpaceLevel::kOk);
}

TEST_F(SpaceGuardTest, ADirectoryThatIsNotThereYetHasTheSpaceOfItsParent) {
  EXPECT_GT(free_bytes_at("/nowhere/at/all"), 0U);
  EXPECT_GT(free_bytes_at("not-there-yet"), 0U);
  EXPECT_EQ(free_bytes_at(""), 0U);
}

// What a broker does at each level.
class ShortOfSpaceTest : public ::testing::Test {
 protected:
  ShortOfSpaceTest() {
    peer_.hello("shop-1", 1);
    peer_.expect<transport::WelcomeFrame>();
    peer_.publish(1, {envelope("orders")});
    peer_.expect_ack(1);
  }

  void limit_writes(SpaceLevel level) {
    broker_.broker().limit_writes(level);
    std::promise<void> obeyed;
    broker_.broker().query([&](const transport::BrokerSessions&) { obeyed.set_value(); });
    obeyed.get_future().wait();
  }

  e2e::TempDir directory_;
  MemoryEngine engine_;
  RunningBroker broker_{engine_, directory_ / ""};
  LinkPeer peer_{broker_.endpoint()};
};

TEST_F(ShortOfSpaceTest, PastTheSoftLimitEventsAreNotTakenAndConsumersGoOn) {
  limit_writes(SpaceLevel::kSoft);
  peer_.publish(2, {envelope("orders")});
  peer_.send(encode(transport::SubscribeFrame{"orders", "payments", 1}));
  // Were event 2 taken, its ACK would come before this.
  const auto delivered = peer_.expect<transport::DeliverFrame>();
  ASSERT_EQ(delivered.deliveries.size(), 1U);
  EXPECT_EQ(delivered.deliveries[0].seq, 1U);
  const std::uint64_t tag = delivered.deliveries[0].tag;
  peer_.send(encode(transport::SettleFrame{{{tag, transport::Outcome::kAck, ""}}}));
  EXPECT_THAT(peer_.expect<transport::SettledFrame>().tags, ::testing::ElementsAre(tag));
  peer_.publish(1, {envelope("orders")});
  peer_.expect_ack(1);  // what is stored is still acknowledged
  EXPECT_EQ(engine_.producer("shop-1")->last_seq, 1U);
}

TEST_F(ShortOfSpaceTest, EventsThatWereHeldBackAreTakenWhenTheyComeAgain) {
  limit_writes(SpaceLevel::kSoft);
  peer_.publish(2, {envelope("orders")});
  limit_writes(SpaceLevel::kOk);
  peer_.publish(2, {envelope("orders")});
  peer_.expect_ack(2);
}

TEST_F(ShortOfSpaceTest, ASessionOutlivesThatNothingIsDonePastTheHardLimit) {
  limit_writes(SpaceLevel::kHard);
  peer_.publish(2, {envelope("orders")});
  limit_writes(SpaceLevel::kOk);
  peer_.publish(2, {envelope("orders")});
  peer_.expect_ack(2);
}

}  // namespace
}  // namespace outboxd::broker
