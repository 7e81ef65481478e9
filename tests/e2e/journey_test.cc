// The main job: a change travels from the local socket to the broker's disk, and can be watched.
#include <gmock/gmock.h>

#include "tests/e2e/appliance.h"

namespace outboxd::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Journey : public ApplianceTest {};

TEST_F(Journey, AnOrderTravelsFromTheSocketToTheBrokersAck) {
  broker_.start();
  daemon_.start();
  Client client = daemon_.connect();

  const Json created = ok(client.call("order.create", order("o-1")));
  EXPECT_EQ(created.at("order_id"), "o-1");
  EXPECT_EQ(created.at("status"), "CREATED");
  EXPECT_EQ(created.at("total"), 6 * 255 + 2 * 339);
  EXPECT_EQ(created.at("replayed"), false);
  EXPECT_EQ(created.at("seq"), 1);
  EXPECT_EQ(created.at("lines"), order("o-1").at("lines"));
  wait_until_delivered(daemon_, 1);

  const auto events = events_at(broker_, "orders");
  ASSERT_EQ(events.size(), 1U);
  const Json& event = events.front();
  EXPECT_EQ(event.at("id"), "1");
  EXPECT_EQ(event.at("source"), "/outboxd/till-1");
  EXPECT_EQ(event.at("type"), "order.created");
  EXPECT_EQ(event.at("subject"), "o-1");
  EXPECT_EQ(event.at("topic"), "orders");
  EXPECT_EQ(event.at("seq"), 1);
  EXPECT_EQ(event.at("offset"), 1);
  EXPECT_EQ(event.at("time"), created.at("created_at"));
  EXPECT_EQ(event.at("data").at("order_id"), "o-1");
  EXPECT_EQ(event.at("data").at("total"), created.at("total"));
  EXPECT_EQ(event.at("data").at("lines"), created.at("lines"));
}

TEST_F(Journey, ATransactionTravelsWithItsEventsInTheirOrder) {
  broker_.start();
  daemon_.start();
  Client client = daemon_.connect();
  const Json reading = {{"celsius", 21.5}, {"sensors", {1, 2, 3}}, {"ok", true}};
  Json request = transaction("t-1", "fridge/1", reading);
  request["events"].push_back({{"topic", "alarms"},
                               {"key", "fridge-1"},
                               {"type", "door.opened"},
                               {"data", {{"for_ms", 900}}},
                               {"ttl_ms", 60'000},
                               {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b-01"}});
  request["events"][0]["key"] = "fridge-1";

  const Json committed = ok(client.call("tx.commit", request));
  EXPECT_EQ(committed.at("first_seq"), 1);
  EXPECT_EQ(committed.at("seq"), 2);
  const Json version = committed.at("versions").at("fridge/1");
  wait_until_delivered(daemon_, 2);

  const Json state = ok(client.call("state.get", {{"key", "fridge/1"}}));
  EXPECT_EQ(state.at("value"), reading);
  EXPECT_EQ(state.at("version"), version);
  const auto readings = events_at(broker_, "stock");
  ASSERT_EQ(readings.size(), 1U);
  EXPECT_EQ(readings.front().at("data"), reading);
  const auto alarms = events_at(broker_, "alarms");
  ASSERT_EQ(alarms.size(), 1U);
  EXPECT_EQ(alarms.front().at("seq"), 2);
  EXPECT_EQ(alarms.front().at("ttl_ms"), 60'000);
  EXPECT_THAT(alarms.front().at("traceparent").get<std::string>(), StartsWith("00-0af7"));
}

TEST_F(Journey, WithoutABrokerEverythingIsKeptAndTheStatusSaysSo) {
  lonely_.start();
  ok(lonely_.connect().call("order.create", order("o-1")));
  const Json status = lonely_.ask("daemon.status");
  EXPECT_EQ(status.at("link").at("state"), "off");
  EXPECT_EQ(status.at("outbox").at("pending"), 1);
  EXPECT_EQ(status.at("outbox").at("delivered_seq"), 0);
  EXPECT_EQ(lonely_.ask("outbox.wait", {{"seq", 1}, {"level", "stored"}}).at("level"), "stored");
  const Failure late = failed(lonely_.connect().call(
      "outbox.wait", {{"seq", 1}, {"level", "delivered"}, {"timeout_ms", 1}}));
  EXPECT_EQ(late.code, "timeout");
  EXPECT_EQ(lonely_.stop(), 0);

  // Once there is a broker, it gets everything.
  broker_.start();
  daemon_.start();
  wait_until_delivered(daemon_, 1);
  EXPECT_EQ(events_at(broker_, "orders").size(), 1U);
}

TEST_F(Journey, WhatWasDeliveredLeavesTheOutboxAndItsTraceStays) {
  broker_.start();
  daemon_.start();
  Client client = daemon_.connect();
  for (int i = 1; i <= 50; ++i) ok(client.call("order.create", order("o-" + std::to_string(i))));
  wait_until_delivered(daemon_, 50);

  EXPECT_EQ(ok(client.call("outbox.list")).at("entries"), Json::array());
  const Json status = ok(client.call("daemon.status"));
  EXPECT_EQ(status.at("link").at("state"), "connected");
  EXPECT_EQ(status.at("outbox").at("pending"), 0);
  EXPECT_EQ(status.at("outbox").at("next_seq"), 51);
  EXPECT_EQ(status.at("outbox").at("delivered_seq"), 50);
  EXPECT_EQ(status.at("outbox").at("dead"), 0);
  EXPECT_EQ(ok(client.call("order.list", {{"limit", 1000}})).at("orders").size(), 50U);

  const Json producers = broker_.ask("producer.list").at("producers");
  ASSERT_EQ(producers.size(), 1U);
  EXPECT_EQ(producers[0].at("producer"), "till-1");
  EXPECT_EQ(producers[0].at("last_seq"), 50);
  EXPECT_EQ(producers[0].at("connected"), true);
  EXPECT_EQ(broker_.ask("broker.status").at("events").at("duplicates"), 0);
}

TEST_F(Journey, VerifyCountsWhatThereIsAndCompactionKeepsIt) {
  broker_.start();
  daemon_.start();
  Client client = daemon_.connect();
  for (int i = 1; i <= 20; ++i) ok(client.call("order.create", order("o-" + std::to_string(i))));
  ok(client.call("tx.commit", transaction("t-1", "k", 1)));
  wait_until_delivered(daemon_, 21);

  const Json compacted = ok(client.call("daemon.compact"));
  EXPECT_GT(compacted.at("bytes_after"), 0);
  const Json verified = ok(client.call("daemon.verify"));
  EXPECT_EQ(verified.at("ok"), true) << verified;
  EXPECT_EQ(verified.at("counted").at("orders"), 20);
  EXPECT_EQ(verified.at("counted").at("state_keys"), 1);
  EXPECT_EQ(verified.at("counted").at("request_records"), 1);
  EXPECT_EQ(ok(client.call("order.get", {{"order_id", "o-20"}})).at("status"), "CREATED");
}

TEST_F(Journey, MetricsOfBothEndsAgree) {
  broker_.start();
  daemon_.start();
  Client client = daemon_.connect();
  for (int i = 1; i <= 7; ++i) ok(client.call("order.create", order("o-" + std::to_string(i))));
  wait_until_delivered(daemon_, 7);
  EXPECT_THAT(ok(client.call("daemon.metrics")).get<std::string>(),
              AllOf(HasSubstr("# TYPE outboxd_outbox_next_seq gauge"),
                    HasSubstr("\noutboxd_outbox_next_seq 8\n"),
                    HasSubstr("\noutboxd_outbox_delivered_seq 7\n")));
  EXPECT_THAT(broker_.ask("broker.metrics").get<std::string>(),
              AllOf(HasSubstr("\noutbox_broker_events_accepted_total 7\n"),
                    HasSubstr("\noutbox_broker_events_duplicate_total 0\n")));
}

TEST_F(Journey, ATailShowsEventsAsTheyAreCommitted) {
  lonely_.start();
  Client client = lonely_.connect();
  ok(client.call("order.create", order("before")));
  Client tail = lonely_.connect();
  EXPECT_EQ(ok(tail.call("events.tail")).at("from_seq"), 2);
  Client stock_tail = lonely_.connect();
  ok(stock_tail.call("events.tail", {{"topic", "stock"}}));

  ok(client.call("order.create", order("o-1")));
  ok(client.call("tx.commit", transaction("t-1", "k", 5)));
  ok(client.call("order.cancel", {{"order_id", "o-1"}, {"reason", "changed my mind"}}));
  for (const char* type : {"order.created", "stock.counted", "order.cancelled"}) {
    const auto notification = tail.next_notification(kPatience);
    ASSERT_TRUE(notification);
    EXPECT_EQ(notification->method, "event");
    EXPECT_EQ(notification->params.at(0).at("type"), type);
  }
  const auto counted = stock_tail.next_notification(kPatience);
  ASSERT_TRUE(counted);
  EXPECT_EQ(counted->params.at(0).at("data"), 5);
  EXPECT_EQ(counted->params.at(0).at("seq"), 3);
}

TEST_F(Journey, ATailFromASequenceNumberShowsWhatWaitsAndThenWhatComes) {
  lonely_.start();
  Client client = lonely_.connect();
  // More than one step of the tail, so that it meets new events while it catches up.
  constexpr std::uint64_t kBefore = 700;
  for (std::uint64_t i = 1; i <= kBefore; ++i) {
    ok(client.call("order.create", order("o-" + std::to_string(i))));
  }
  Client tail = lonely_.connect();
  EXPECT_EQ(ok(tail.call("events.tail", {{"from_seq", 5}})).at("from_seq"), 5);
  ok(client.call("order.create", order("last")));
  for (std::uint64_t seq = 5; seq <= kBefore + 1; ++seq) {
    const auto notification = tail.next_notification(kPatience);
    ASSERT_TRUE(notification);
    ASSERT_EQ(notification->params.at(0).at("seq"), seq);
  }
  EXPECT_EQ(failed(tail.call("events.tail")).code, "invalid_state");
}

TEST_F(Journey, ATailThatStartsBeforeWhatWasRemovedIsToldWhatItMissed) {
  broker_.start();
  daemon_.start();
  Client client = daemon_.connect();
  for (int i = 1; i <= 5; ++i) ok(client.call("order.create", order("o-" + std::to_string(i))));
  wait_until_delivered(daemon_, 5);
  ok(client.call("daemon.compact"));

  Client tail = daemon_.connect();
  ok(tail.call("events.tail", {{"from_seq", 1}}));
  ok(client.call("order.create", order("o-6")));
  std::uint64_t next_seq = 1;
  while (next_seq <= 6) {
    const auto notification = tail.next_notification(kPatience);
    ASSERT_TRUE(notification);
    const Json& told = notification->params.at(0);
    if (notification->method == "missed") {
      EXPECT_EQ(told.at("from_seq"), next_seq);
      next_seq = told.at("to_seq").get<std::uint64_t>() + 1;
    } else {
      EXPECT_EQ(told.at("seq"), next_seq);
      ++next_seq;
    }
  }
}

TEST_F(Journey, TwoBoxesShareABrokerAndKeepTheirSequencesApart) {
  Server other{
      "outboxd", directory_ / "other", {"--producer", "till-2", "--broker", port_.endpoint()}};
  broker_.start();
  daemon_.start();
  other.start();
  for (int i = 1; i <= 10; ++i) {
    EXPECT_EQ(daemon_.ask("order.create", order("a-" + std::to_string(i))).at("seq"), i);
    EXPECT_EQ(other.ask("order.create", order("b-" + std::to_string(i))).at("seq"), i);
  }
  wait_until_delivered(daemon_, 10);
  wait_until_delivered(other, 10);
  EXPECT_EQ(events_at(broker_, "orders").size(), 20U);
  EXPECT_EQ(broker_.ask("producer.list").at("producers").size(), 2U);
  EXPECT_EQ(other.stop(), 0);
}

}  // namespace
}  // namespace outboxd::e2e
