// RelayLink against RouterLink, over real sockets.
#include "transport/link/relay_link.h"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/transport/link/live_link.h"
#include "transport/link/frame_codec.h"

namespace outboxd::transport {
namespace {

WelcomeFrame welcome_after(domain::Seq last_seq) {
  return {1, last_seq, 65'536, 8 << 20, 1024, 1 << 20, 500'000, "scripted"};
}

// Runs over ipc:// and tcp://.
class RelayLinkTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "link-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    if (GetParam() == "ipc") {
      endpoint_ = "ipc://" + directory_ + "/link.sock";
      return;
    }
    // A port that is free: of a broker that is gone again.
    std::map<std::string, LiveLog> nothing;
    endpoint_ = LiveBroker("tcp://127.0.0.1:0", nothing).endpoint();
  }

  void TearDown() override {
    if (relay_ != nullptr) relay_->stop();
    std::filesystem::remove_all(directory_);
  }

  std::unique_ptr<RelayLink> make_relay(std::uint64_t epoch, LiveBox& box) {
    RelayLinkOptions options;
    options.endpoint = endpoint_;
    options.producer = "till-1";
    options.epoch = epoch;
    options.software_version = "test";
    return std::make_unique<RelayLink>(options, clock_, box, box);
  }

  void start_relay() {
    relay_ = make_relay(1, box_);
    ASSERT_TRUE(relay_->start(box_.next_seq()).ok());
  }

  // Every event that is not to be refused, once and in order.
  void expect_log_holds_everything() {
    std::vector<std::string> expected;
    for (domain::Seq seq = 1; seq < box_.next_seq(); ++seq) {
      const std::string envelope = LiveBox::envelope_of(seq);
      if (envelope != "refuse me") expected.push_back(envelope);
    }
    EXPECT_EQ(logs_["till-1"].events.size(), expected.size());
    EXPECT_TRUE(logs_["till-1"].events == expected);
  }

  std::string directory_;
  std::string endpoint_;
  SteadyClock clock_;
  LiveBox box_;
  std::map<std::string, LiveLog> logs_;
  std::unique_ptr<RelayLink> relay_;
};

INSTANTIATE_TEST_SUITE_P(Sockets, RelayLinkTest, testing::Values("ipc", "tcp"),
                         [](const auto& each) { return each.param; });

TEST_P(RelayLinkTest, DeliversABacklogAndThenFreshEvents) {
  box_.write(20'000);
  {
    LiveBroker broker(endpoint_, logs_);
    start_relay();
    EXPECT_TRUE(box_.acknowledged(20'000));
    for (int i = 0; i < 50; ++i) relay_->wake(box_.write(7));
    EXPECT_TRUE(box_.acknowledged(20'350));
    EXPECT_TRUE(box_.rejected(20'313));
  }
  expect_log_holds_everything();
}

TEST_P(RelayLinkTest, ConnectsToABrokerThatStartsLater) {
  box_.write(100);
  start_relay();
  EXPECT_TRUE(box_.saw(LinkState::kConnecting));
  {
    LiveBroker broker(endpoint_, logs_);
    EXPECT_TRUE(box_.acknowledged(100));
    EXPECT_TRUE(box_.saw(LinkState::kConnected));
  }
  expect_log_holds_everything();
}

TEST_P(RelayLinkTest, GoesOnWhereItWasAfterTheBrokerRestarts) {
  box_.write(500);
  auto broker = std::make_unique<LiveBroker>(endpoint_, logs_);
  start_relay();
  for (int round = 1; round <= 3; ++round) {
    EXPECT_TRUE(box_.acknowledged(box_.next_seq() - 1));
    broker.reset();
    EXPECT_TRUE(box_.saw(LinkState::kConnecting, "lost"));
    relay_->wake(box_.write(5'000));
    broker = std::make_unique<LiveBroker>(endpoint_, logs_);
  }
  EXPECT_TRUE(box_.acknowledged(15'500));
  broker.reset();
  expect_log_holds_everything();
}

TEST_P(RelayLinkTest, SaysThatTheBrokerSpeaksAnotherVersion) {
  ScriptedBroker broker(endpoint_, [](const Frame&, int) -> std::vector<std::string> {
    std::string later = encode(welcome_after(0));
    later[0] = '\x07';
    return {later};
  });
  box_.write(10);
  start_relay();
  EXPECT_TRUE(box_.saw(LinkState::kIncompatible, "speaks version 7 of the protocol"));
  EXPECT_EQ(box_.acknowledged_now(), 0U);
}

TEST_P(RelayLinkTest, RecoversFromABrokerThatSendsGarbage) {
  ScriptedBroker broker(endpoint_, [](const Frame& frame, int) -> std::vector<std::string> {
    static constexpr domain::Seq kLast = 10;
    if (std::holds_alternative<HelloFrame>(frame)) {
      return {std::string("\xC1\xC1 garbage"), std::string(), encode(welcome_after(0))};
    }
    if (std::holds_alternative<PublishFrame>(frame)) return {encode(AckFrame{kLast})};
    return {};
  });
  box_.write(10);
  start_relay();
  EXPECT_TRUE(box_.saw(LinkState::kConnecting, "the broker sent garbage"));
  EXPECT_TRUE(box_.acknowledged(10));
}

TEST_P(RelayLinkTest, DoesNotBelieveAnAckForWhatItNeverSent) {
  ScriptedBroker broker(endpoint_, [](const Frame& frame, int) -> std::vector<std::string> {
    if (std::holds_alternative<HelloFrame>(frame)) return {encode(welcome_after(0))};
    if (std::holds_alternative<PublishFrame>(frame)) return {encode(AckFrame{1'000'000})};
    return {};
  });
  box_.write(10);
  start_relay();
  EXPECT_TRUE(box_.saw(LinkState::kIncompatible, "acknowledged event 1000000, but only 10"));
  EXPECT_EQ(box_.acknowledged_now(), 0U);
}

TEST_P(RelayLinkTest, IsFencedByAYoungerProcessOfTheSameProducer) {
  box_.write(10);
  LiveBroker broker(endpoint_, logs_);
  start_relay();
  EXPECT_TRUE(box_.acknowledged(10));
  LiveBox younger_box;
  younger_box.write(12);
  const auto younger = make_relay(2, younger_box);
  ASSERT_TRUE(younger->start(younger_box.next_seq()).ok());
  EXPECT_TRUE(box_.saw(LinkState::kFenced, "took over with epoch 2"));
  EXPECT_TRUE(younger_box.acknowledged(12));
}

// Grants a session, and one delivery for each credit; acknowledges what is settled.
ScriptedBroker::Script delivering(std::uint64_t first_tag) {
  return [tag = first_tag](const Frame& frame, int) mutable -> std::vector<std::string> {
    if (const auto* hello = std::get_if<HelloFrame>(&frame)) {
      if (hello->next_seq <= 9) return {encode(welcome_after(0))};
      return {encode(welcome_after(0)), encode(CompletedFrame{"orders", {{1, 9}}})};
    }
    if (const auto* subscribe = std::get_if<SubscribeFrame>(&frame)) {
      if (subscribe->group == "unwanted") {
        return {encode(UnsubscribedFrame{subscribe->topic, subscribe->group, "too_many", "no"})};
      }
      DeliverFrame deliver;
      for (std::uint64_t i = 0; i < subscribe->credit; ++i) {
        deliver.deliveries.push_back(
            {tag++, subscribe->topic, subscribe->group, 1, "till-2", i + 1, "event", ""});
      }
      return {encode(deliver)};
    }
    if (const auto* settle = std::get_if<SettleFrame>(&frame)) {
      SettledFrame settled;
      for (const Settlement& each : settle->settlements) settled.tags.push_back(each.tag);
      return {encode(settled)};
    }
    return {};
  };
}

TEST_P(RelayLinkTest, ConsumesFromASubscriptionThatWasMadeBeforeTheStart) {
  ScriptedBroker broker(endpoint_, delivering(1));
  box_.write(10);
  relay_ = make_relay(1, box_);
  relay_->subscribe({"orders", "payments", 3});
  ASSERT_TRUE(relay_->start(box_.next_seq()).ok());
  EXPECT_TRUE(box_.delivered(3));
  EXPECT_THAT(box_.delivered_tags(), testing::ElementsAre(1, 2, 3));
  EXPECT_TRUE(box_.completed("orders", {1, 9}));
  relay_->subscribe({"refunds", "unwanted", 3});
  EXPECT_TRUE(box_.refused("too_many"));
}

TEST_P(RelayLinkTest, SettlesFromManyThreads) {
  constexpr std::uint64_t kThreads = 4;
  constexpr std::uint64_t kEach = 200;
  ScriptedBroker broker(endpoint_, delivering(1));
  start_relay();
  relay_->subscribe({"orders", "payments", kThreads * kEach});
  ASSERT_TRUE(box_.delivered(kThreads * kEach));
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint64_t i = 1; i <= kEach; ++i) {
        relay_->settle({{thread * kEach + i, Outcome::kAck, ""}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::uint64_t tag = 1; tag <= kThreads * kEach; ++tag) EXPECT_TRUE(box_.settled(tag));
}

TEST_P(RelayLinkTest, SubscribesAgainWhenTheBrokerIsBackAndDropsTheSettlementsInBetween) {
  auto broker = std::make_unique<ScriptedBroker>(endpoint_, delivering(1));
  start_relay();
  relay_->subscribe({"orders", "payments", 2});
  ASSERT_TRUE(box_.delivered(2));
  broker.reset();
  ASSERT_TRUE(box_.saw(LinkState::kConnecting, "lost"));
  relay_->settle({{1, Outcome::kAck, ""}, {2, Outcome::kAck, ""}});
  broker = std::make_unique<ScriptedBroker>(endpoint_, delivering(101));
  ASSERT_TRUE(box_.delivered(4));
  EXPECT_THAT(box_.delivered_tags(), testing::ElementsAre(1, 2, 101, 102));
  relay_->settle({{1, Outcome::kAck, ""}, {102, Outcome::kAck, ""}});
  EXPECT_TRUE(box_.settled(102));
  EXPECT_THAT(box_.settled_tags(), testing::ElementsAre(102)) << "1 has come again as 101";
}

TEST_P(RelayLinkTest, SettlementsFromBeforeTheStopStillArrive) {
  ScriptedBroker broker(endpoint_,
                        [deliver = delivering(1)](const Frame& frame, int count) mutable {
                          if (!std::holds_alternative<ByeFrame>(frame))
                            return deliver(frame, count);
                          return std::vector<std::string>{encode(ByeFrame{"drained"})};
                        });
  start_relay();
  relay_->subscribe({"orders", "payments", 1});
  ASSERT_TRUE(box_.delivered(1));
  relay_->settle({{1, Outcome::kAck, ""}});
  relay_->stop(30'000);
  EXPECT_TRUE(box_.settled(1));
}

TEST_P(RelayLinkTest, StopGivesTheBrokerTimeToAcknowledgeWhatIsInFlight) {
  // Acknowledges nothing before BYE.
  ScriptedBroker broker(endpoint_, [](const Frame& frame, int) -> std::vector<std::string> {
    if (std::holds_alternative<HelloFrame>(frame)) return {encode(welcome_after(0))};
    if (std::holds_alternative<ByeFrame>(frame)) {
      return {encode(AckFrame{10}), encode(ByeFrame{"drained"})};
    }
    return {};
  });
  box_.write(10);
  start_relay();
  EXPECT_TRUE(box_.saw(LinkState::kConnected));
  const std::int64_t before = clock_.monotonic_ms();
  relay_->stop(30'000);
  EXPECT_EQ(box_.acknowledged_now(), 10U);
  EXPECT_LT(clock_.monotonic_ms() - before, 30'000) << "and no longer than it needs";
}

TEST_P(RelayLinkTest, StopDoesNotWaitForABrokerThatIsNotThere) {
  start_relay();
  EXPECT_TRUE(box_.saw(LinkState::kConnecting));
  const std::int64_t before = clock_.monotonic_ms();
  relay_->stop(30'000);
  EXPECT_LT(clock_.monotonic_ms() - before, 30'000);
}

TEST(RelayLink, RefusesAnEndpointThatLeavesTheMachine) {
  SteadyClock clock;
  LiveBox box;
  RelayLink relay({.endpoint = "tcp://192.0.2.1:5571", .producer = "till-1", .epoch = 1}, clock,
                  box, box);
  const auto started = relay.start(1);
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, domain::ErrorCode::kBadRequest);
  EXPECT_THAT(started.error().message, testing::HasSubstr("needs keys"));
}

}  // namespace
}  // namespace outboxd::transport
