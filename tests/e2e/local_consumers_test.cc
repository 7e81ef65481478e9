// Local applications that consume events: what becomes of those that they give back, and of a
// subscription that the broker refuses.
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>

#include "client/consumer.h"
#include "tests/e2e/appliance.h"
#include "tests/e2e/fake_broker.h"
#include "transport/link/frame_codec.h"

namespace outboxd::e2e {
namespace {

using client::Consumer;
using client::Delivery;
using client::Outcome;
using transport::Frame;

class LocalConsumers : public ApplianceTest {
 protected:
  static constexpr std::string_view kGroup = "counting";

  void start(const std::string& broker_settings) {
    broker_.configure(broker_settings);
    broker_.start();
    daemon_.start();
    connect();
    ok(client_->call("tx.commit", transaction("t-1", "tea", 5)));
  }

  // As the only consumer of its group, in place of an earlier connection.
  void connect() {
    client_.emplace(daemon_.connect());
    consumer_.emplace(*client_);
    subscribe("stock");
  }

  void subscribe(std::string_view topic) {
    const client::Status subscribed = consumer_->subscribe(topic, kGroup, 10);
    ASSERT_TRUE(subscribed) << subscribed.error().message;
  }

  Delivery next() {
    client::Result<Delivery> delivery = consumer_->next(kPatience);
    if (!delivery) throw std::runtime_error(delivery.error().message);
    return *std::move(delivery);
  }

  void settle(const Delivery& delivery, Outcome outcome, std::string_view reason = {}) {
    const client::Status settled = consumer_->settle(delivery, outcome, reason);
    ASSERT_TRUE(settled) << settled.error().message;
  }

  // The group's only dead letter at the broker, which has it when it is delivered as one.
  Json letter() {
    subscribe("dead:stock:counting");
    const Delivery dead = next();
    EXPECT_EQ(dead.event.at("type"), "stock.counted");
    const Json letters =
        broker_.ask("dead.list", {{"topic", "stock"}, {"group", kGroup}}).at("letters");
    EXPECT_EQ(letters.size(), 1U);
    settle(dead, Outcome::kAck);
    return letters.at(0);
  }

  std::optional<Client> client_;
  std::optional<Consumer> consumer_;
};

TEST_F(LocalConsumers, AreGivenAnEventAgainThatTheyAskToRetry) {
  start("[groups]\nbackoff_base_ms = 10\n");
  const Delivery first = next();
  EXPECT_EQ(first.attempt, 1U);
  settle(first, Outcome::kRetry, "the shelf is locked");
  const Delivery second = next();
  EXPECT_EQ(second.attempt, 2U);
  EXPECT_EQ(second.event, first.event);
  settle(second, Outcome::kAck);
  const Json inbox = daemon_.ask("daemon.status").at("inbox");
  EXPECT_EQ(inbox.at("deliveries"), 2);
  EXPECT_EQ(inbox.at("retried"), 1);
  EXPECT_EQ(inbox.at("acknowledged"), 1);
  EXPECT_EQ(inbox.at("passed_over"), 0);
  EXPECT_EQ(inbox.at("released"), 0);
}

TEST_F(LocalConsumers, ThatRetryMoreOftenThanTheGroupMayFindADeadLetterWithEachReason) {
  start("[groups]\nbackoff_base_ms = 10\nmax_retries = 1\n");
  settle(next(), Outcome::kRetry, "the shelf is locked");
  settle(next(), Outcome::kRetry, "the key is lost");
  const Json dead = letter();
  EXPECT_EQ(dead.at("attempts"), 2);
  EXPECT_THAT(std::string(dead.at("reason")), testing::HasSubstr("the key is lost"));
}

TEST_F(LocalConsumers, ThatDieWithAnEventOneAfterTheOtherMakeItADeadLetter) {  // G11
  start("[groups]\nbackoff_base_ms = 10\nmax_retries = 1\n");
  EXPECT_EQ(next().attempt, 1U);
  connect();
  EXPECT_EQ(next().attempt, 2U);
  connect();
  const Json dead = letter();
  EXPECT_EQ(dead.at("attempts"), 2);
  EXPECT_THAT(std::string(dead.at("reason")), testing::HasSubstr("the consumer disconnected"));
}

TEST_F(LocalConsumers, MakeAnEventADeadLetterAtOnceAndForAReason) {
  start("");
  settle(next(), Outcome::kDead, "no such shelf");
  const Json dead = letter();
  EXPECT_EQ(dead.at("attempts"), 1);
  EXPECT_THAT(std::string(dead.at("reason")), testing::HasSubstr("no such shelf"));
}

TEST_F(LocalConsumers, AreToldOfASubscriptionThatTheBrokerRefuses) {
  const FakeBroker full(port_.endpoint(), [](const Frame& frame) -> std::vector<std::string> {
    if (std::holds_alternative<transport::HelloFrame>(frame)) return {welcome(0)};
    const auto* asked = std::get_if<transport::SubscribeFrame>(&frame);
    if (asked == nullptr || asked->credit == 0) return {};
    return {transport::encode(
        transport::UnsubscribedFrame{.topic = asked->topic,
                                     .group = asked->group,
                                     .code = transport::subscription_code::kTooMany,
                                     .message = "no room for another group"})};
  });
  daemon_.start();
  Client client = daemon_.connect();
  Consumer consumer(client);
  ASSERT_TRUE(consumer.subscribe("stock", kGroup, 10));
  const auto told = client.next_notification(kPatience);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(told->method, "subscription_ended");
  EXPECT_EQ(told->params, (Json{{{"topic", "stock"},
                                 {"group", kGroup},
                                 {"code", "too_many"},
                                 {"message", "no room for another group"}}}));
}

}  // namespace
}  // namespace outboxd::e2e
