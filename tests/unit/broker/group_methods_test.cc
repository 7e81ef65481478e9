// Consumer groups and dead letters as clients of the local API see them.
#include "broker/group_methods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/client.h"
#include "tests/e2e/appliance.h"
#include "tests/unit/broker/link_peer.h"
#include "tests/unit/broker/running_broker.h"

namespace outboxd::broker {
namespace {

using client::Json;
using ::testing::HasSubstr;

class GroupMethodsTest : public ::testing::Test {
 protected:
  GroupMethodsTest() {
    peer_.hello("shop-1", 3);
    peer_.expect<transport::WelcomeFrame>();
  }

  // Publishes `count` events of topic `orders`.
  void publish(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      ++last_seq_;
      peer_.publish(last_seq_, {envelope("orders", "data " + std::to_string(last_seq_))});
      peer_.expect_ack(last_seq_);
    }
  }

  void subscribe(std::uint64_t credit) {
    peer_.send(encode(transport::SubscribeFrame{"orders", "payments", credit}));
  }

  // The tags of the next deliveries.
  std::vector<std::uint64_t> deliveries() {
    const auto frame = peer_.expect<transport::DeliverFrame>();
    std::vector<std::uint64_t> tags;
    for (const transport::Delivery& delivery : frame.deliveries) tags.push_back(delivery.tag);
    return tags;
  }

  // Lets the group give `count` events up.
  void bury(std::size_t count) {
    publish(count);
    subscribe(count);
    for (std::size_t left = count; left > 0;) {
      for (const std::uint64_t tag : deliveries()) {
        peer_.send(encode(transport::SettleFrame{{{tag, transport::Outcome::kDead, "no good"}}}));
        peer_.expect<transport::SettledFrame>();
        --left;
      }
    }
  }

  Json call(std::string_view method, Json arguments = Json::object()) {
    return e2e::ok(client_.call(method, arguments));
  }
  Json call_group(std::string_view method, Json arguments = Json::object()) {
    arguments.update({{"topic", "orders"}, {"group", "payments"}});
    return call(method, arguments);
  }
  client::Failure refusal(std::string_view method, const Json& arguments) {
    return e2e::failed(client_.call(method, arguments));
  }

  e2e::TempDir directory_;
  MemoryEngine engine_;
  RunningBroker broker_{engine_, directory_ / ""};
  LinkPeer peer_{broker_.endpoint()};
  client::Client client_ = std::move(client::Client::connect({.socket = broker_.socket()})).value();
  domain::Seq last_seq_ = 0;
};

TEST_F(GroupMethodsTest, GroupsAreListedWithWhatTheyAreNotDoneWith) {
  EXPECT_EQ(call("group.list"), (Json{{"groups", Json::array()}, {"next", nullptr}}));
  publish(3);
  subscribe(2);
  deliveries();
  const Json listed = call("group.list");
  ASSERT_EQ(listed.at("groups").size(), 1U);
  const Json& group = listed.at("groups")[0];
  EXPECT_EQ(group.at("topic"), "orders");
  EXPECT_EQ(group.at("group"), "payments");
  EXPECT_EQ(group.at("lag"), 3);
  EXPECT_GT(group.at("in_flight"), 0);
  EXPECT_EQ(group.at("consumers"), 1);
  EXPECT_EQ(group.at("dead"), 0);
  EXPECT_EQ(group.at("cursor"), 1);
}

TEST_F(GroupMethodsTest, GroupsArePagedByTopicAndGroup) {
  publish(1);
  for (const std::string_view group : {"a", "b", "c"}) {
    peer_.send(encode(transport::SubscribeFrame{"orders", group, 1}));
    deliveries();
  }
  const Json first = call("group.list", {{"limit", 2}});
  EXPECT_EQ(first.at("groups").size(), 2U);
  EXPECT_EQ(first.at("next"), "orders/b");
  const Json rest = call("group.list", {{"limit", 2}, {"after", first.at("next")}});
  EXPECT_EQ(rest.at("groups").size(), 1U);
  EXPECT_EQ(rest.at("groups")[0].at("group"), "c");
  EXPECT_EQ(rest.at("next"), nullptr);
}

TEST_F(GroupMethodsTest, ADeadLetterTellsWhatDiedAndWhy) {
  bury(1);
  const Json listed = call_group("dead.list");
  ASSERT_EQ(listed.at("letters").size(), 1U);
  EXPECT_EQ(listed.at("next"), nullptr);
  EXPECT_FALSE(listed.at("letters")[0].contains("history"));
  const Json letter = call_group("dead.get", {{"offset", listed.at("letters")[0].at("offset")}});
  EXPECT_EQ(letter.at("producer"), "shop-1");
  EXPECT_EQ(letter.at("seq"), 1);
  EXPECT_EQ(letter.at("source_offset"), 1);
  EXPECT_THAT(letter.at("reason").get<std::string>(), HasSubstr("no good"));
  EXPECT_TRUE(letter.at("history").is_array());
  EXPECT_EQ(letter.at("event").at("topic"), "orders");
  EXPECT_EQ(call("group.list").at("groups")[0].at("dead"), 1);
}

TEST_F(GroupMethodsTest, DeadLettersArePagedByOffset) {
  bury(3);
  const Json first = call_group("dead.list", {{"limit", 2}});
  EXPECT_EQ(first.at("letters").size(), 2U);
  const Json rest = call_group("dead.list", {{"after", first.at("next")}});
  EXPECT_EQ(rest.at("letters").size(), 1U);
  EXPECT_EQ(rest.at("next"), nullptr);
  EXPECT_EQ(call_group("dead.list", {{"after", 99}}).at("letters"), Json::array());
}

TEST_F(GroupMethodsTest, AReplayedLetterIsDeliveredAgainAsIfForTheFirstTime) {
  bury(1);
  const Json letter = call_group("dead.list").at("letters")[0];
  EXPECT_EQ(call_group("dead.replay", {{"offset", letter.at("offset")}, {"reason", "mended"}}),
            (Json{{"replayed", 1}}));
  const auto frame = peer_.expect<transport::DeliverFrame>();
  ASSERT_EQ(frame.deliveries.size(), 1U);
  EXPECT_EQ(frame.deliveries[0].seq, 1U);
  EXPECT_EQ(frame.deliveries[0].attempt, 1U);
  EXPECT_EQ(call_group("dead.list").at("letters"), Json::array());
}

TEST_F(GroupMethodsTest, DiscardedLettersAreGone) {
  bury(3);
  const Json letters = call_group("dead.list").at("letters");
  EXPECT_EQ(call_group("dead.discard", {{"offset", letters[1].at("offset")}}),
            (Json{{"discarded", 1}}));
  EXPECT_EQ(call_group("dead.list").at("letters").size(), 2U);
  const Json topic = call("topic.list").at("topics").at(0);
  EXPECT_EQ(topic.at("topic"), "dead:orders:payments");
  EXPECT_EQ(topic.at("events"), 2) << "what was discarded is not counted";
  EXPECT_EQ(topic.at("next_offset"), 4) << "and its offset is not used again";
  EXPECT_EQ(call_group("dead.discard", {{"all", true}}), (Json{{"discarded", 2}}));
  EXPECT_EQ(call_group("dead.list").at("letters"), Json::array());
}

TEST_F(GroupMethodsTest, WhatIsNotThereIsNotFound) {
  bury(1);
  const Json nowhere = {{"topic", "orders"}, {"group", "payments"}, {"offset", 77}};
  for (const std::string_view method : {"dead.get", "dead.replay", "dead.discard"}) {
    EXPECT_EQ(refusal(method, nowhere).code, "not_found") << method;
  }
  const Json stranger = {{"topic", "orders"}, {"group", "nobody"}, {"offset", 1}};
  for (const std::string_view method : {"dead.get", "dead.replay", "dead.discard"}) {
    EXPECT_EQ(refusal(method, stranger).code, "not_found") << method;
  }
}

TEST_F(GroupMethodsTest, WrongArgumentsAreErrorsThatNameThem) {
  EXPECT_THAT(refusal("dead.list", {{"group", "payments"}}).message, HasSubstr("topic is missing"));
  EXPECT_THAT(refusal("dead.list", {{"topic", "a:b"}, {"group", "c"}}).message,
              HasSubstr("topic must be 1 to 64"));
  EXPECT_THAT(refusal("dead.list", {{"topic", "a"}, {"group", "c d"}}).message,
              HasSubstr("group must be 1 to 128"));
  EXPECT_THAT(refusal("dead.get", {{"topic", "a"}, {"group", "c"}, {"offset", 0}}).message,
              HasSubstr("offset must be"));
  EXPECT_THAT(refusal("dead.replay", {{"topic", "a"}, {"group", "c"}}).message,
              HasSubstr("either offset"));
  EXPECT_THAT(
      refusal("dead.discard", {{"topic", "a"}, {"group", "c"}, {"offset", 1}, {"all", true}})
          .message,
      HasSubstr("either offset"));
  EXPECT_THAT(refusal("group.list", {{"after", "orders"}}).message, HasSubstr("after must be"));
}

}  // namespace
}  // namespace outboxd::broker
