// What the daemon says to requests that are well-formed MessagePack-RPC and wrong all the same.
#include <limits>
#include <string>

#include <gmock/gmock.h>

#include "tests/e2e/appliance.h"

namespace outboxd::e2e {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kMaxInt = std::numeric_limits<std::int64_t>::max();

class Requests : public ApplianceTest {
 protected:
  void SetUp() override { lonely_.start(); }

  // The request is refused with `code` because of `argument`, nothing is stored, and the same
  // connection goes on working.
  void expect_refused(std::string_view method, const Json& arguments, std::string_view code,
                      std::string_view argument) {
    SCOPED_TRACE(std::string(method) + " " + arguments.dump().substr(0, 200));
    Client client = lonely_.connect();
    const Json before = ok(client.call("daemon.status")).at("outbox").at("next_seq");
    const Failure failure = failed(client.call(method, arguments));
    EXPECT_EQ(failure.kind, FailureKind::kRefused);
    EXPECT_EQ(failure.code, code);
    EXPECT_EQ(failure.argument(), argument);
    EXPECT_EQ(failure.retry, "never");
    EXPECT_FALSE(failure.message.empty());
    EXPECT_EQ(ok(client.call("daemon.status")).at("outbox").at("next_seq"), before);
  }

  void expect_bad(std::string_view method, const Json& arguments, std::string_view argument) {
    expect_refused(method, arguments, "bad_request", argument);
  }

  // An order with one thing wrong: `argument` is a JSON pointer into it.
  static Json order_with(const char* pointer, Json value) {
    Json bad = order("o-1");
    bad[Json::json_pointer(pointer)] = std::move(value);
    return bad;
  }

  static Json order_without(const char* name) {
    Json bad = order("o-1");
    bad.erase(name);
    return bad;
  }
};

TEST_F(Requests, AnUnknownMethodIsRefusedByName) {
  Client client = lonely_.connect();
  const Failure failure = failed(client.call("order.destroy", order("o-1")));
  EXPECT_EQ(failure.code, "unknown_method");
  EXPECT_THAT(failure.message, HasSubstr("order.destroy"));
  EXPECT_EQ(failed(client.call("")).code, "unknown_method");
  EXPECT_EQ(failed(client.call(std::string(100'000, 'm'))).code, "unknown_method");
  EXPECT_FALSE(ok(client.call("order.create", order("o-1"))).at("replayed").get<bool>());
}

TEST_F(Requests, ArgumentsOfAnotherTypeAreRefused) {
  expect_bad("order.create", order_with("/order_id", 7), "order_id");
  expect_bad("order.create", order_with("/customer_id", Json::array()), "customer_id");
  expect_bad("order.create", order_with("/currency", 826), "currency");
  expect_bad("order.create", order_with("/lines", "85123A"), "lines");
  expect_bad("order.create", order_with("/lines", Json::object()), "lines");
  expect_bad("order.create", order_with("/lines/1", "71053"), "lines[1]");
  expect_bad("order.create", order_with("/lines/1/quantity", "2"), "lines[1].quantity");
  expect_bad("order.create", order_with("/lines/1/quantity", 1.5), "lines[1].quantity");
  expect_bad("order.create", order_with("/lines/1/unit_price", true), "lines[1].unit_price");
  expect_bad("order.create", order_with("/lines/0/sku", 85123), "lines[0].sku");
  expect_bad("outbox.wait", {{"seq", "one"}, {"level", "stored"}}, "seq");
  expect_bad("order.list", {{"limit", "many"}}, "limit");
  expect_bad("state.get", {{"key", 1}}, "key");
}

TEST_F(Requests, AMissingArgumentIsNamed) {
  for (const char* name : {"customer_id", "payment_method", "currency", "lines"}) {
    expect_bad("order.create", order_without(name), name);
  }
  expect_bad("order.create", order_with("/lines/1", {{"sku", "71053"}, {"quantity", 2}}),
             "lines[1].unit_price");
  expect_bad("order.get", nullptr, "order_id");
  expect_bad("tx.commit", {{"put", Json::array()}}, "request_id");
  expect_bad("outbox.wait", {{"level", "stored"}}, "seq");
}

TEST_F(Requests, AnUnknownArgumentIsNamed) {
  expect_bad("order.create", order_with("/discount", 10), "discount");
  expect_bad("order.create", order_with("/lines/1/colour", "red"), "lines[1].colour");
  expect_bad("order.get", {{"order_id", "o-1"}, {"id", "o-1"}}, "id");
  expect_bad("daemon.status", {{"verbose", true}}, "verbose");
}

TEST_F(Requests, QuantitiesAndPricesMustBePositive) {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, -kMaxInt - 1}) {
    expect_bad("order.create", order_with("/lines/1/quantity", value), "lines[1].quantity");
    expect_bad("order.create", order_with("/lines/1/unit_price", value), "lines[1].unit_price");
  }
}

TEST_F(Requests, ATotalThatOverflowsIsRefused) {
  Json one_line = order_with("/lines/1/unit_price", kMaxInt);
  expect_bad("order.create", one_line, "lines");

  Json sum = order_with("/lines/0/quantity", 1);
  sum["lines"][0]["unit_price"] = kMaxInt;
  expect_bad("order.create", sum, "lines");

  Json too_large = order_with("/lines/1/quantity", std::numeric_limits<std::uint64_t>::max());
  expect_bad("order.create", too_large, "lines[1].quantity");
}

TEST_F(Requests, TheLargestTotalIsTaken) {
  Json largest = order("o-1");
  largest["lines"] = {{{"sku", "71053"}, {"quantity", 1}, {"unit_price", kMaxInt}}};
  EXPECT_EQ(lonely_.ask("order.create", largest).at("total"), kMaxInt);
}

TEST_F(Requests, AnOrderNeedsLinesAndNotTooManyOfThem) {
  expect_bad("order.create", order_with("/lines", Json::array()), "lines");
  const Json line = {{"sku", "71053"}, {"quantity", 1}, {"unit_price", 1}};
  expect_bad("order.create", order_with("/lines", Json(2001, line)), "lines");
}

TEST_F(Requests, ACurrencyIsOneOfIso4217) {
  for (const char* currency : {"XYZ", "gbp", "", "POUND", "GB"}) {
    expect_bad("order.create", order_with("/currency", currency), "currency");
  }
}

TEST_F(Requests, IdsHaveOneTo64Characters) {
  const std::string longest(64, 'a');
  const std::string too_long(65, 'a');
  for (const std::string& id : {std::string(), too_long, std::string("a b"), std::string("a/b"),
                                std::string("\xC3\xA9"), std::string("a\0b", 3)}) {
    expect_bad("order.create", order_with("/order_id", id), "order_id");
    expect_bad("order.create", order_with("/customer_id", id), "customer_id");
    expect_bad("order.get", {{"order_id", id}}, "order_id");
    expect_bad("order.cancel", {{"order_id", id}}, "order_id");
    expect_bad("tx.commit", transaction(id, "k", 1), "request_id");
  }
  EXPECT_EQ(lonely_.ask("order.create", order(longest)).at("order_id"), longest);
}

TEST_F(Requests, ANewOrderIsGivenAnIdWhenTheCallerHasNone) {
  const Json created = lonely_.ask("order.create", order_without("order_id"));
  const std::string id = created.at("order_id");
  EXPECT_FALSE(id.empty());
  EXPECT_EQ(lonely_.ask("order.get", {{"order_id", id}}).at("total"), 6 * 255 + 2 * 339);
}

TEST_F(Requests, ATransactionMustNotPassForAModulesEventNorChangeAKeyTwice) {
  for (const char* topic : {"orders", "payments", "reservations", "dead:stock:billing"}) {
    Json request = transaction("t-1", "k", 1);
    request["events"][0]["topic"] = topic;
    expect_bad("tx.commit", request, "events[0].topic");
  }
  Json twice = transaction("t-1", "k", 1);
  twice["put"].push_back({{"key", "k"}, {"value", 2}});
  expect_bad("tx.commit", twice, "put[1].key");
  expect_bad("tx.commit", {{"request_id", "t-1"}}, "put");
}

TEST_F(Requests, WhatIsNotThereIsNotFound) {
  expect_refused("order.get", {{"order_id", "o-9"}}, "not_found", "order_id");
  expect_refused("order.cancel", {{"order_id", "o-9"}}, "not_found", "order_id");
  expect_refused("state.get", {{"key", "k"}}, "not_found", "key");
  expect_refused("outbox.get", {{"seq", 9}}, "not_found", "seq");
}

TEST_F(Requests, EventsAreCheckedOneByOne) {
  Json request = transaction("t-1", "k", 1);
  request["events"].push_back(
      {{"topic", "stock"}, {"key", "two words"}, {"type", "stock.counted"}, {"data", 1}});
  expect_bad("tx.commit", request, "events[1].key");
  request["events"][1]["key"] = "k";
  request["events"][1]["type"] = "";
  expect_bad("tx.commit", request, "events[1].type");
  request["events"][1]["type"] = "stock.counted";
  request["events"][1].erase("data");
  expect_bad("tx.commit", request, "events[1].data");
  request["events"][1]["data"] = std::string(600 << 10, 'x');
  expect_refused("tx.commit", request, "too_large", "events[1].data");
}

}  // namespace
}  // namespace outboxd::e2e
