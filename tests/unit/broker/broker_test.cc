// The publishing side as producers see it: over ZeroMQ, with restarts of the broker between.
#include "broker/broker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/appliance.h"
#include "tests/unit/broker/link_peer.h"
#include "tests/unit/broker/running_broker.h"

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using transport::AckFrame;
using transport::ErrorFrame;
using transport::FencedFrame;
using transport::RejectFrame;
using transport::WelcomeFrame;

class BrokerTest : public ::testing::Test {
 protected:
  void start(BrokerOptions options = {}) {
    broker_.reset();
    broker_ = std::make_unique<RunningBroker>(engine_, directory_ / "", std::move(options));
  }

  // A connection of `producer`, welcomed where `last_seq` says.
  std::unique_ptr<LinkPeer> join(std::string_view producer, std::uint64_t epoch,
                                 domain::Seq last_seq) {
    auto peer = std::make_unique<LinkPeer>(broker_->endpoint());
    peer->hello(producer, epoch);
    EXPECT_EQ(peer->expect<WelcomeFrame>().last_seq, last_seq);
    return peer;
  }

  // "PRODUCER SEQ" of all events of `topic`, in their order.
  std::vector<std::string> stored(std::string_view topic = "orders") {
    std::vector<std::string> events;
    (void)engine_.read(topic, 1, [&](const StoredEvent& event) {
      events.push_back(std::string(event.producer) + " " + std::to_string(event.seq));
      return true;
    });
    return events;
  }

  e2e::TempDir directory_;
  MemoryEngine engine_;
  std::unique_ptr<RunningBroker> broker_;
};

TEST_F(BrokerTest, G6AnAckMeansThatTheEngineHasTheEvents) {
  start();
  auto peer = join("shop-1", 1, 0);
  peer->publish(1, {envelope("orders"), envelope("payments"), envelope("orders")});
  peer->expect_ack(3);
  EXPECT_THAT(stored("orders"), ElementsAre("shop-1 1", "shop-1 3"));
  EXPECT_THAT(stored("payments"), ElementsAre("shop-1 2"));
  EXPECT_EQ(engine_.producer("shop-1"), (ProducerPosition{"shop-1", 1, 3}));
}

TEST_F(BrokerTest, TwoProducersInterleaveAndEachKeepsItsOrder) {
  start();
  auto a = join("a", 1, 0);
  auto b = join("b", 5, 0);
  constexpr domain::Seq kRounds = 200;
  for (domain::Seq seq = 1; seq <= kRounds; ++seq) {
    a->publish(seq, {envelope("orders")});
    b->publish(seq, {envelope("orders")});
  }
  a->expect_ack(kRounds);
  b->expect_ack(kRounds);
  std::map<std::string, domain::Seq> last;
  ASSERT_TRUE(engine_
                  .read("orders", 1,
                        [&](const StoredEvent& event) {
                          EXPECT_EQ(event.seq, ++last[std::string(event.producer)]);
                          return true;
                        })
                  .ok());
  EXPECT_EQ(last["a"], kRounds);
  EXPECT_EQ(last["b"], kRounds);
}

TEST_F(BrokerTest, DuplicatesAreAcknowledgedAndDroppedAlsoAfterARestart) {
  start();
  {
    auto peer = join("shop-1", 1, 0);
    peer->publish(1, {envelope("orders"), envelope("orders")});
    peer->expect_ack(2);
    peer->publish(1, {envelope("orders"), envelope("orders")});
    peer->expect_ack(2);
  }
  start();
  auto peer = join("shop-1", 1, 2);
  peer->publish(1, {envelope("orders"), envelope("orders"), envelope("orders")});
  peer->expect_ack(3);
  EXPECT_THAT(stored(), ElementsAre("shop-1 1", "shop-1 2", "shop-1 3"));
}

TEST_F(BrokerTest, G12AHigherEpochFencesTheOlderSession) {
  start();
  auto older = join("shop-1", 1, 0);
  older->publish(1, {envelope("orders")});
  older->expect_ack(1);
  auto newer = join("shop-1", 2, 1);
  EXPECT_EQ(older->expect<FencedFrame>().epoch, 2U);
  newer->publish(2, {envelope("orders")});
  newer->expect_ack(2);
  start();
  LinkPeer late(broker_->endpoint());
  late.hello("shop-1", 1);
  EXPECT_EQ(late.expect<FencedFrame>().epoch, 2U);
}

TEST_F(BrokerTest, G12AnEpochIsInTheEngineBeforeItsProducerIsWelcomed) {
  start();
  auto quiet = join("shop-1", 5, 0);
  EXPECT_EQ(engine_.producer("shop-1"), (ProducerPosition{"shop-1", 5, 0}));
  start();
  LinkPeer late(broker_->endpoint());
  late.hello("shop-1", 4);
  EXPECT_EQ(late.expect<FencedFrame>().epoch, 5U) << "though epoch 5 published nothing";
}

TEST_F(BrokerTest, G3AGapIsRefusedAndStoresNothing) {
  start();
  auto peer = join("shop-1", 1, 0);
  peer->publish(1, {envelope("orders")});
  peer->expect_ack(1);
  peer->publish(3, {envelope("orders")});
  EXPECT_EQ(peer->expect<ErrorFrame>().code, transport::link_error::kGap);
  EXPECT_THAT(stored(), ElementsAre("shop-1 1"));
}

TEST_F(BrokerTest, ARefusedEventIsRejectedAndItsWithdrawalMovesTheProducerOnForGood) {
  start({.allowed_topics = {"orders"}});
  auto peer = join("shop-1", 1, 0);
  peer->publish(1, {envelope("orders"), envelope("gossip"), "no envelope", envelope("orders")});
  // The event before the refused ones is stored; its ACK and the REJECT come in either order.
  bool acknowledged = false;
  bool rejected = false;
  while (!acknowledged || !rejected) {
    const transport::Frame frame = peer->receive();
    if (const auto* reject = std::get_if<RejectFrame>(&frame)) {
      ASSERT_EQ(reject->refusals.size(), 2U);
      EXPECT_EQ(reject->refusals[0].seq, 2U);
      EXPECT_EQ(reject->refusals[0].code, transport::reject_code::kForbiddenTopic);
      EXPECT_EQ(reject->refusals[1].seq, 3U);
      EXPECT_EQ(reject->refusals[1].code, transport::reject_code::kUndecodable);
      rejected = true;
    } else {
      ASSERT_TRUE(std::holds_alternative<AckFrame>(frame));
      EXPECT_EQ(std::get<AckFrame>(frame).seq, 1U);
      acknowledged = true;
    }
  }
  peer->publish(2, {"", "", envelope("orders")});
  peer->expect_ack(4);
  EXPECT_THAT(stored(), ElementsAre("shop-1 1", "shop-1 4"));
  start();
  join("shop-1", 1, 4);
}

TEST_F(BrokerTest, AnEventThatIsTooLargeIsRejected) {
  start();
  auto peer = join("shop-1", 1, 0);
  peer->publish(1, {std::string(transport::kMaxEnvelopeBytes + 1, 'x')});
  const auto reject = peer->expect<RejectFrame>();
  ASSERT_EQ(reject.refusals.size(), 1U);
  EXPECT_EQ(reject.refusals[0].code, transport::reject_code::kTooLarge);
}

TEST_F(BrokerTest, TopicsAreBoundedInNumber) {
  AppendBatch full{{{"old", 1, kMaxTopics - 1}}, {}};
  std::vector<std::string> names(kMaxTopics - 1);
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = "t" + std::to_string(i);
    full.events.push_back({0, i + 1, names[i], "e"});
  }
  ASSERT_TRUE(engine_.append(full).ok());
  start();
  auto peer = join("shop-1", 1, 0);
  peer->publish(1, {envelope("last")});
  peer->expect_ack(1);
  peer->publish(2, {envelope("one-too-many")});
  EXPECT_EQ(peer->expect<RejectFrame>().refusals.at(0).code,
            transport::reject_code::kForbiddenTopic);
  peer->publish(2, {"", envelope("t7")});
  peer->expect_ack(3);
}

TEST_F(BrokerTest, StopAcknowledgesWhatItAccepted) {
  start();
  auto peer = join("shop-1", 1, 0);
  peer->publish(1, {envelope("orders")});
  peer->expect_ack(1);
  broker_.reset();
  EXPECT_THAT(std::string(peer->expect<transport::ByeFrame>().reason), HasSubstr("stop"));
  EXPECT_THAT(stored(), ElementsAre("shop-1 1"));
}

TEST_F(BrokerTest, AnEndpointThatIsTakenIsAnError) {
  start();
  MemoryEngine other_engine;
  systemd::SystemClock clock;
  Broker other({.endpoint = broker_->endpoint()}, other_engine, clock, {});
  const domain::Status status = other.start();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, domain::ErrorCode::kBadRequest);
}

// A broker whose retries come back within the patience of a test.
BrokerOptions with_short_back_off() {
  BrokerOptions options;
  options.groups.policy = [](const GroupId&) {
    return RetryPolicy{.max_retries = 1, .backoff_base_ms = 10, .backoff_max_ms = 10};
  };
  return options;
}

class BrokerGroupsTest : public BrokerTest {
 protected:
  static void subscribe(LinkPeer& peer, std::string_view topic = "orders") {
    peer.send(encode(transport::SubscribeFrame{topic, "payments", 100}));
  }
  static void settle(LinkPeer& peer, std::uint64_t tag, transport::Outcome outcome) {
    peer.send(encode(transport::SettleFrame{{{tag, outcome, "because"}}}));
  }
  // The next delivery, which must be the only one of its frame.
  static transport::Delivery delivery(LinkPeer& peer) {
    const auto frame = peer.expect<transport::DeliverFrame>();
    EXPECT_EQ(frame.deliveries.size(), 1U);
    return frame.deliveries.front();
  }
};

TEST_F(BrokerGroupsTest, AnAckedEventIsSettledAndNeverDeliveredAgain) {
  start();
  auto till = join("till", 1, 0);
  subscribe(*till);
  auto shop = join("shop", 1, 0);
  shop->publish(1, {envelope("orders", "one")});
  const transport::Delivery one = delivery(*till);
  const std::uint64_t tag = one.tag;
  EXPECT_EQ(one.topic, "orders");
  EXPECT_EQ(one.group, "payments");
  EXPECT_EQ(one.producer, "shop");
  EXPECT_EQ(one.envelope, envelope("orders", "one"));
  settle(*till, tag, transport::Outcome::kAck);
  EXPECT_THAT(till->expect<transport::SettledFrame>().tags, ElementsAre(tag));

  start();
  till = join("till", 1, 0);
  subscribe(*till);
  shop = join("shop", 1, 1);
  shop->publish(2, {envelope("orders", "two")});
  const transport::Delivery two = delivery(*till);
  EXPECT_EQ(two.seq, 2U) << "one was not delivered again";
}

TEST_F(BrokerGroupsTest, ARetryComesBackByItselfAndThenDiesIntoATopic) {
  start(with_short_back_off());
  auto till = join("till", 1, 0);
  subscribe(*till);
  auto office = join("office", 1, 0);
  subscribe(*office, "dead:orders:payments");
  auto shop = join("shop", 1, 0);
  shop->publish(1, {envelope("orders")});
  settle(*till, delivery(*till).tag, transport::Outcome::kRetry);
  const transport::Delivery second = delivery(*till);  // nobody sends anything meanwhile
  EXPECT_EQ(second.attempt, 2U);
  settle(*till, second.tag, transport::Outcome::kRetry);
  const transport::Delivery letter = delivery(*office);
  EXPECT_EQ(letter.topic, "dead:orders:payments");
  EXPECT_EQ(letter.seq, 1U);
  EXPECT_EQ(letter.reason, "gave up after 2 attempts: because");
}

TEST_F(BrokerGroupsTest, G11AHigherEpochSaysThatTheConsumerDiedWithItsDelivery) {
  start(with_short_back_off());
  auto shop = join("shop", 1, 0);
  shop->publish(1, {envelope("orders")});
  shop->expect_ack(1);
  auto till = join("till", 1, 0);
  subscribe(*till);
  EXPECT_EQ(delivery(*till).attempt, 1U);
  till = join("till", 2, 0);
  subscribe(*till);
  EXPECT_EQ(delivery(*till).attempt, 2U);
}

TEST_F(BrokerGroupsTest, NobodyPublishesIntoTheDeadLetters) {
  start();
  auto shop = join("shop", 1, 0);
  shop->publish(1, {envelope("dead:orders:payments")});
  EXPECT_EQ(shop->expect<RejectFrame>().refusals.at(0).code,
            transport::reject_code::kForbiddenTopic);
}

}  // namespace
}  // namespace outboxd::broker
