#include "client/consumer.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/fake_daemon.h"

namespace outboxd::client {
namespace {

using std::chrono::milliseconds;
using testing::Answer;
using ::testing::ElementsAre;
using testing::FakeDaemon;
using ::testing::HasSubstr;
using testing::IncomingRequest;
using testing::notification;
using testing::refusal;
using testing::reply;

constexpr milliseconds kLong{5000};

Json delivery(std::uint64_t tag, std::uint32_t attempt) {
  return {{"tag", tag},
          {"event", {{"source", "/outboxd/till-1"}, {"seq", 9}, {"type", "order.created"}}},
          {"attempt", attempt}};
}

class ConsumerTest : public ::testing::Test {
 protected:
  Client connected() {
    auto client = Client::connect({.socket = dir_.path("s"), .timeout = kLong});
    EXPECT_TRUE(client.ok());
    return std::move(*client);
  }

  // Remembers what is asked, and gives every request the same answer with `after` behind it.
  FakeDaemon::Script answering(Json result, Answer after = testing::silence()) {
    return [this, result, after](const IncomingRequest& request) {
      asked_.push_back(request.method + " " + request.arguments.dump());
      return reply(request, result) + after;
    };
  }

  [[nodiscard]] std::string socket() const { return dir_.path("s"); }

  testing::TempDir dir_;
  std::vector<std::string> asked_;
};

TEST_F(ConsumerTest, DeliveriesFollowASubscription) {
  constexpr std::uint64_t kLargeTag = (std::uint64_t{7} << 32) | 5;
  FakeDaemon daemon(socket(),
                    answering(Json::object(), notification("delivery", delivery(kLargeTag, 1)) +
                                                  notification("delivery", delivery(6, 2))));
  Client client = connected();
  Consumer consumer(client);
  ASSERT_TRUE(consumer.subscribe("orders", "kitchen", 16).ok());
  EXPECT_THAT(asked_,
              ElementsAre(R"(inbox.subscribe {"topic":"orders","group":"kitchen","credit":16})"));
  const auto first = consumer.next(kLong);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->tag, kLargeTag);
  EXPECT_EQ(first->attempt, 1U);
  EXPECT_EQ(first->event["type"], "order.created");
  EXPECT_EQ(consumer.next(kLong)->attempt, 2U);
}

TEST_F(ConsumerTest, WaitingInVainLeavesTheConnectionUsable) {
  FakeDaemon daemon(socket(), answering(Json::object()));
  Client client = connected();
  Consumer consumer(client);
  EXPECT_EQ(consumer.next(milliseconds(5)).error().code, "timeout");
  EXPECT_TRUE(consumer.subscribe("orders", "kitchen", 1).ok());
}

TEST_F(ConsumerTest, OtherNotificationsArePassedOver) {
  FakeDaemon daemon(socket(),
                    answering(Json::object(), notification("event", {{"seq", 1}}) +
                                                  notification("delivery", delivery(6, 1))));
  Client client = connected();
  Consumer consumer(client);
  ASSERT_TRUE(consumer.subscribe("orders", "kitchen", 1).ok());
  EXPECT_EQ(consumer.next(kLong)->tag, 6U);
}

TEST_F(ConsumerTest, AnEffectIsCommittedTogetherWithItsSettlement) {
  FakeDaemon daemon(socket(), answering({{"seq", 4}}));
  Client client = connected();
  Consumer consumer(client);
  const Delivery one{.tag = 6, .attempt = 1, .event = {}};
  const auto outcome = consumer.commit(one, {{"request_id", "till-1/9"}});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ((*outcome)["seq"], 4);
  // A transaction may settle others, too.
  ASSERT_TRUE(consumer.commit(one, {{"request_id", "r"}, {"settle", {5}}}).ok());
  EXPECT_THAT(asked_, ElementsAre(R"(tx.commit {"request_id":"till-1/9","settle":[6]})",
                                  R"(tx.commit {"request_id":"r","settle":[5,6]})"));
}

TEST_F(ConsumerTest, ADeliveryWithoutAnEffectIsSettledWithItsOutcome) {
  FakeDaemon daemon(socket(), answering(Json::object()));
  Client client = connected();
  Consumer consumer(client);
  const Delivery one{.tag = 6, .attempt = 1, .event = {}};
  EXPECT_TRUE(consumer.settle(one, Outcome::kAck).ok());
  EXPECT_TRUE(consumer.settle(one, Outcome::kRetry, "printer is out of paper").ok());
  EXPECT_TRUE(consumer.settle(one, Outcome::kDead, "no such dish").ok());
  EXPECT_THAT(
      asked_,
      ElementsAre(R"(inbox.settle {"tag":6,"outcome":"ack"})",
                  R"(inbox.settle {"tag":6,"outcome":"retry","reason":"printer is out of paper"})",
                  R"(inbox.settle {"tag":6,"outcome":"dead","reason":"no such dish"})"));
}

TEST_F(ConsumerTest, ATagThatTheDaemonDoesNotKnowIsARefusal) {
  FakeDaemon daemon(socket(), [](const IncomingRequest& request) {
    return refusal(request, "not_found", "no delivery has tag 6", "never", "tag");
  });
  Client client = connected();
  const auto status = Consumer(client).settle({.tag = 6, .attempt = 1, .event = {}}, Outcome::kAck);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, FailureKind::kRefused);
  EXPECT_EQ(status.error().argument(), "tag");
}

TEST_F(ConsumerTest, ADeliveryThatCouldNotBeSettledIsABadReply) {
  FakeDaemon daemon(socket(), answering(Json::object(), notification("delivery", {{"tag", "x"}})));
  Client client = connected();
  Consumer consumer(client);
  ASSERT_TRUE(consumer.subscribe("orders", "kitchen", 1).ok());
  const auto result = consumer.next(kLong);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, "bad_reply");
}

TEST_F(ConsumerTest, ALostConnectionEndsTheWaiting) {
  FakeDaemon daemon(socket(), [](const IncomingRequest& request) {
    return reply(request, Json::object()) + testing::hang_up();
  });
  Client client = connected();
  Consumer consumer(client);
  ASSERT_TRUE(consumer.subscribe("orders", "kitchen", 1).ok());
  const auto result = consumer.next(kLong);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().code, "timeout");
}

}  // namespace
}  // namespace outboxd::client
