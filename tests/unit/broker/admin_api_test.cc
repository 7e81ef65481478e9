// The local API as clients see it.
#include "broker/admin_api.h"

#include <chrono>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/client.h"
#include "tests/e2e/appliance.h"
#include "tests/unit/broker/gated_engine.h"
#include "tests/unit/broker/link_peer.h"
#include "tests/unit/broker/running_broker.h"

namespace outboxd::broker {
namespace {

using client::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AdminApiTest : public ::testing::Test {
 protected:
  AdminApiTest() { peer_.hello("shop-1", 3); }

  // Publishes `count` events of `topic` after those that were published before.
  void publish(std::string_view topic, std::size_t count) {
    const domain::Seq first = last_seq_ + 1;
    std::vector<std::string> envelopes;
    for (std::size_t i = 0; i < count; ++i) {
      envelopes.push_back(envelope(topic, "data " + std::to_string(++last_seq_)));
    }
    if (first == 1) peer_.expect<transport::WelcomeFrame>();
    peer_.publish(first, envelopes);
    peer_.expect_ack(last_seq_);
  }

  client::Client connect() {
    return std::move(client::Client::connect({.socket = broker_.socket()})).value();
  }

  Json call(std::string_view method, const Json& arguments = nullptr) {
    return e2e::ok(client_.call(method, arguments));
  }

  client::Failure refusal(std::string_view method, const Json& arguments = nullptr) {
    return e2e::failed(client_.call(method, arguments));
  }

  // The offset and topic of the next event of a tail.
  static std::pair<std::uint64_t, std::string> next_event(client::Client& client) {
    auto notification = client.next_notification(e2e::kPatience);
    EXPECT_TRUE(notification.ok());
    if (!notification) return {};
    EXPECT_EQ(notification->method, "event");
    const Json& event = notification->params.at(0);
    return {event.at("offset").get<std::uint64_t>(), event.at("topic").get<std::string>()};
  }

  e2e::TempDir directory_;
  MemoryEngine engine_;
  RunningBroker broker_{engine_, directory_ / ""};
  LinkPeer peer_{broker_.endpoint()};
  client::Client client_ = connect();
  domain::Seq last_seq_ = 0;
};

TEST_F(AdminApiTest, StatusCountsWhatCameAndWhatBecameOfIt) {
  publish("orders", 3);
  peer_.publish(1, {envelope("orders")});  // a duplicate
  peer_.expect_ack(3);
  peer_.publish(9, {envelope("orders")});
  peer_.expect<transport::ErrorFrame>();
  const Json status = call("broker.status");
  EXPECT_EQ(status.at("version"), OUTBOXD_VERSION);
  EXPECT_EQ(status.at("listen"), broker_.endpoint());
  EXPECT_GE(status.at("uptime_ms"), 0);
  EXPECT_EQ(status.at("events").at("stored"), 3);
  EXPECT_EQ(status.at("events").at("accepted"), 3);
  EXPECT_EQ(status.at("events").at("duplicates"), 1);
  EXPECT_EQ(status.at("events").at("gaps"), 1);
  EXPECT_GT(status.at("events").at("bytes"), 0);
  EXPECT_EQ(status.at("producers").at("known"), 1);
  EXPECT_EQ(status.at("producers").at("connected"), 0);  // the gap ended the session
  EXPECT_GT(status.at("storage").at("free_bytes"), 0);
  EXPECT_EQ(status.at("storage").at("level"), "ok");
  EXPECT_EQ(status.at("groups").at("known"), 0);
  EXPECT_EQ(status.at("last_error"), nullptr);
}

TEST_F(AdminApiTest, MetricsAreAPrometheusExposition) {
  publish("orders", 2);
  peer_.send(encode(transport::SubscribeFrame{"orders", "payments", 5}));
  peer_.expect<transport::DeliverFrame>();
  const std::string text = call("broker.metrics").get<std::string>();
  EXPECT_THAT(text, HasSubstr("# TYPE outbox_broker_events_accepted_total counter\n"
                              "outbox_broker_events_accepted_total 2\n"));
  EXPECT_THAT(text, HasSubstr("outbox_broker_producers_connected 1\n"));
  EXPECT_THAT(text, HasSubstr("outbox_broker_group_lag{topic=\"orders\",group=\"payments\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("outbox_broker_topic_next_offset{topic=\"orders\"} 3\n"));
}

TEST_F(AdminApiTest, TopicsAreListedInPages) {
  publish("orders", 2);
  publish("payments", 1);
  const Json all = call("topic.list");
  EXPECT_EQ(all.at("topics").size(), 2U);
  EXPECT_EQ(all.at("topics")[0],
            (Json{{"topic", "orders"}, {"events", 2}, {"first_offset", 1}, {"next_offset", 3}}));
  EXPECT_EQ(all.at("next"), nullptr);
  const Json first = call("topic.list", {{"limit", 1}});
  EXPECT_EQ(first.at("next"), "orders");
  const Json second = call("topic.list", {{"limit", 1}, {"after", "orders"}});
  EXPECT_EQ(second.at("topics")[0].at("topic"), "payments");
  EXPECT_EQ(second.at("next"), nullptr);
}

TEST_F(AdminApiTest, ProducersAreListedInPagesWithWhereTheyStand) {
  publish("orders", 2);
  LinkPeer other(broker_.endpoint());
  other.hello("shop-2", 1);
  other.expect<transport::WelcomeFrame>();
  const Json first = call("producer.list", {{"limit", 1}});
  EXPECT_EQ(first.at("producers"), Json::array({{{"producer", "shop-1"},
                                                 {"life", 0},
                                                 {"epoch", 3},
                                                 {"last_seq", 2},
                                                 {"connected", true},
                                                 {"store", nullptr}}}));
  EXPECT_EQ(first.at("next"), "shop-1");
  const Json second = call("producer.list", {{"after", "shop-1"}});
  EXPECT_EQ(second.at("producers")[0].at("producer"), "shop-2");
  EXPECT_EQ(second.at("next"), nullptr);
}

TEST_F(AdminApiTest, ATopicIsReadInPagesFromAnOffset) {
  publish("orders", 5);
  const Json first = call("topic.read", {{"topic", "orders"}, {"limit", 3}});
  EXPECT_EQ(first.at("events").size(), 3U);
  EXPECT_EQ(first.at("events")[0].at("data"), Json({{"base64", "ZGF0YSAx"}}));
  EXPECT_EQ(first.at("events")[0].at("source"), "/outboxd/shop-1");
  EXPECT_EQ(first.at("next_offset"), 4);
  const Json rest = call("topic.read", {{"topic", "orders"}, {"offset", 4}});
  EXPECT_EQ(rest.at("events").size(), 2U);
  const Json end = call("topic.read", {{"topic", "orders"}, {"offset", rest.at("next_offset")}});
  EXPECT_EQ(end.at("events"), Json::array());
  EXPECT_EQ(end.at("next_offset"), 6);
}

TEST_F(AdminApiTest, ATailFollowsATopicFromAnOffsetOn) {
  publish("orders", 2);
  EXPECT_EQ(call("topic.tail", {{"topic", "orders"}, {"offset", 2}}).at("next_offset"), 2);
  EXPECT_EQ(next_event(client_), std::pair(std::uint64_t{2}, std::string("orders")));
  publish("payments", 1);
  publish("orders", 1);
  EXPECT_EQ(next_event(client_), std::pair(std::uint64_t{3}, std::string("orders")));
}

TEST_F(AdminApiTest, ATailWithoutOffsetBeginsWithWhatComesNext) {
  publish("orders", 2);
  EXPECT_EQ(call("topic.tail", {{"topic", "orders"}}).at("next_offset"), 3);
  publish("orders", 1);
  EXPECT_EQ(next_event(client_).first, 3U);
}

TEST_F(AdminApiTest, ATailOfAllTopicsIncludesThoseThatComeLater) {
  publish("orders", 2);
  call("topic.tail");
  publish("new", 1);
  publish("orders", 1);
  std::vector<std::pair<std::uint64_t, std::string>> events{next_event(client_),
                                                            next_event(client_)};
  std::sort(events.begin(), events.end());
  EXPECT_THAT(events, ElementsAre(std::pair(1, "new"), std::pair(3, "orders")));
}

TEST_F(AdminApiTest, ATailThatIsSlowMissesNothing) {
  call("topic.tail", {{"topic", "orders"}, {"offset", 1}});
  // Some times what a connection may have waiting, while nobody reads from it.
  const std::string large(100'000, 'x');
  constexpr std::uint64_t kEvents = 100;
  peer_.expect<transport::WelcomeFrame>();
  for (domain::Seq seq = 1; seq <= kEvents; ++seq) peer_.publish(seq, {envelope("orders", large)});
  peer_.expect_ack(kEvents);
  for (std::uint64_t offset = 1; offset <= kEvents; ++offset) {
    ASSERT_EQ(next_event(client_).first, offset);
  }
}

TEST_F(AdminApiTest, AConnectionThatWentAwayTakesItsTailWithIt) {
  {
    client::Client gone = connect();
    e2e::ok(gone.call("topic.tail"));
  }
  call("topic.tail");
  publish("orders", 1);
  EXPECT_EQ(next_event(client_).first, 1U);
}

TEST_F(AdminApiTest, AnUnknownMethodIsAnErrorThatNamesTheKnownOnes) {
  const client::Failure failure = refusal("broker.reboot");
  EXPECT_EQ(failure.code, "unknown_method");
  EXPECT_THAT(failure.message, HasSubstr("topic.read"));
}

TEST_F(AdminApiTest, WrongArgumentsAreErrorsThatNameThem) {
  EXPECT_EQ(refusal("broker.status", {{"verbose", true}}).argument(), "verbose");
  EXPECT_EQ(refusal("topic.list", {{"limit", 0}}).argument(), "limit");
  EXPECT_EQ(refusal("producer.list", {{"limit", 1001}}).argument(), "limit");
  EXPECT_EQ(refusal("topic.read").argument(), "topic");
  EXPECT_EQ(refusal("topic.read", {{"topic", 7}}).argument(), "topic");
  EXPECT_EQ(refusal("topic.read", {{"topic", "t"}, {"offset", -1}}).argument(), "offset");
  EXPECT_EQ(refusal("topic.tail", {{"offset", 1}}).argument(), "offset");
  EXPECT_EQ(refusal("topic.tail", {{"topic", "a b"}}).argument(), "topic");
  EXPECT_EQ(refusal("topic.read", {{"topic", "none"}}).code, "not_found");
}

// A disk that hangs until the router waits for it, too.
TEST(AdminApiOnAStuckDiskTest, StatusAnswersWithTheLastFiguresAndTheirAge) {
  const e2e::TempDir directory;
  GatedEngine engine;
  engine.let_one_pass();  // the epoch
  RunningBroker broker(engine, directory / "", {}, std::chrono::milliseconds(1));
  client::Client client = std::move(client::Client::connect({.socket = broker.socket()})).value();
  LinkPeer peer(broker.endpoint());
  peer.hello("shop-1", 1);
  peer.expect<transport::WelcomeFrame>();
  peer.publish(1, {envelope("orders")});
  engine.wait_until_writing();
  std::promise<void> entered;
  std::promise<void> leave;
  broker.broker().query([&](const transport::BrokerSessions&) {
    entered.set_value();
    leave.get_future().wait();
  });
  entered.get_future().wait();
  for (int i = 0; i < 3; ++i) {
    const Json status = e2e::ok(client.call("broker.status", nullptr));
    EXPECT_EQ(status.at("listen"), broker.endpoint());
    EXPECT_GE(status.at("figures_age_ms"), 1);
    EXPECT_EQ(status.at("events").at("accepted"), 0) << "no figures have come yet";
  }
  leave.set_value();
  engine.let_all_pass();
  peer.expect_ack(1);
}

}  // namespace
}  // namespace outboxd::broker
