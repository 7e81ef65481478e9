// outboxctl as scripts see it: what each command prints with --json, and its exit status.
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/e2e/appliance.h"

namespace outboxd::e2e {
namespace {

using ::testing::HasSubstr;

constexpr int kDone = 0;
constexpr int kRefused = 1;
constexpr int kUsage = 2;
constexpr int kUnreachable = 3;
constexpr int kOutcomeUnknown = 4;

class Outboxctl : public ApplianceTest {
 protected:
  void SetUp() override {
    broker_.start();
    daemon_.start();
  }

  ProcessOutcome ctl(std::vector<std::string> words, std::string input = {}) {
    std::vector<std::string> argv = {program("outboxctl"), "--socket", asked_->socket(),
                                     "--broker-socket", broker_.socket()};
    argv.insert(argv.end(), words.begin(), words.end());
    return run({.argv = std::move(argv), .input = std::move(input)});
  }

  // What a command prints that must succeed: one JSON value a line.
  std::vector<Json> json(std::vector<std::string> words, std::string input = {}) {
    words.insert(words.begin(), "--json");
    const ProcessOutcome outcome = ctl(words, std::move(input));
    EXPECT_EQ(outcome.status, kDone) << words.at(1) << ": " << outcome.err;
    std::vector<Json> values;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) values.push_back(Json::parse(line));
    return values;
  }

  Json one(std::vector<std::string> words, std::string input = {}) {
    const auto values = json(std::move(words), std::move(input));
    EXPECT_EQ(values.size(), 1U);
    return values.empty() ? Json() : values.front();
  }

  // For people: it succeeds and says `text` somewhere.
  void expect_shown(std::vector<std::string> words, std::string_view text) {
    const ProcessOutcome outcome = ctl(words);
    EXPECT_EQ(outcome.status, kDone) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr(std::string(text)));
  }

  Json create(const std::string& id, const std::string& payment_method = "pm_ok") {
    return one({"order", "create", "--id", id, "--customer", "17850", "--payment-method",
                payment_method, "--currency", "GBP", "--line", "85123A:6:255", "--line",
                "71053:2:339"});
  }

  Json deposit(const std::string& user, const std::string& points) {
    return one({"wallet", "deposit", "--id", "d-" + user, "--user", user, "--points", points});
  }

  Json hold(const std::string& id, const std::string& user, const std::string& item) {
    return one(
        {"reservation", "hold", "--id", id, "--user", user, "--item", item, "--price", "40"});
  }

  // With a token of its own.
  Json pay(const std::string& id, const std::string& user) {
    const std::string token = one({"token", "issue", user}).at("token");
    return one({"reservation", "pay", id, "--user", user, "--token", token});
  }

  static std::string text_of(const Json& number) {
    return std::to_string(number.get<std::uint64_t>());
  }

  const Server* asked_ = &daemon_;  // the daemon that is looked at
};

// The same with a payment service at the broker, whose group does not try again.
class OutboxctlWithPayments : public Outboxctl {
 protected:
  void SetUp() override {
    broker_.configure("[groups]\nmax_retries = 0\n");
    daemon_.configure("[topics.orders]\non = \"consumed:payments\"\n");
    Outboxctl::SetUp();
    payments_.start();
  }

  void TearDown() override {
    EXPECT_EQ(payments_.stop(), 0);
    Outboxctl::TearDown();
  }

  // Creates an order, waits for the event that ends it, and returns its status then.
  std::string end_of(const std::string& id, const std::string& payment_method) {
    const auto seq = create(id, payment_method).at("seq").get<std::uint64_t>();
    one({"outbox", "wait", std::to_string(seq + 1)});
    return one({"order", "get", id}).at("status");
  }

  // broker dead COMMAND of the payment service's group.
  static std::vector<std::string> broker_dead(const std::string& command,
                                              const std::vector<std::string>& which = {}) {
    std::vector<std::string> words = {"broker", "dead",    command,   "--topic",
                                      "orders", "--group", "payments"};
    words.insert(words.end(), which.begin(), which.end());
    return words;
  }

  Server payments_{"outboxd",
                   directory_ / "payments",
                   {"--producer", "bank-1", "--broker", port_.endpoint(), "--modules", "payments"}};
};

TEST_F(OutboxctlWithPayments, PaymentsAreShownAndListed) {
  EXPECT_EQ(end_of("o-1", "pm_ok"), "PAID");
  EXPECT_EQ(end_of("o-2", "pm_decline"), "PAYMENT_FAILED");
  EXPECT_EQ(one({"order", "get", "o-2"}).at("failure"), "declined");

  asked_ = &payments_;
  const auto failed = json({"payment", "list", "--status", "FAILED"});
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].at("order_id"), "o-2");
  EXPECT_EQ(json({"payment", "list"}).size(), 2U);
  const std::string id = failed[0].at("payment_id");
  EXPECT_EQ(one({"payment", "get", id}), failed[0]);
  EXPECT_EQ(one({"payment", "get", "--order", "o-2", "--source", "till-1"}), failed[0]);
  expect_shown({"payment", "get", id}, "22.08 GBP");
  expect_shown({"payment", "list"}, "declined");
  EXPECT_EQ(ctl({"payment", "get", "pay_0"}).status, kRefused);
}

TEST_F(OutboxctlWithPayments, ASeatIsSoldForPointsAndItsPaymentFoundByTheReservation) {
  deposit("u-1", "50");
  hold("r-1", "u-1", "A1");
  const Json paid = pay("r-1", "u-1");
  EXPECT_EQ(paid.at("status"), "PAID");
  EXPECT_EQ(one({"wallet", "get", "u-1"}).at("points"), 10);
  one({"outbox", "wait", text_of(paid.at("seq")), "--level", "consumed"});

  asked_ = &payments_;
  const Json booked = one({"payment", "get", "--reservation", "r-1", "--source", "till-1"});
  EXPECT_EQ(booked.at("status"), "COMPLETED");
  EXPECT_EQ(booked.at("points"), 40);
  expect_shown({"payment", "list"}, "40 points");
}

TEST_F(OutboxctlWithPayments, AnOrderIsWaitedForUntilItsGroupHasProcessedIt) {
  EXPECT_EQ(create("o-1").at("seq"), 1);
  EXPECT_EQ(one({"outbox", "wait", "1", "--level", "consumed"}).at("level"), "consumed");
  asked_ = &payments_;
  EXPECT_EQ(json({"payment", "list"}).size(), 1U);
}

TEST_F(OutboxctlWithPayments, GroupsAreListedWithHowFarTheyAre) {
  EXPECT_EQ(end_of("o-1", "pm_down"), "PAYMENT_FAILED");
  bool listed = false;
  for (const Json& group : json({"broker", "groups"})) {
    if (group.at("topic") != "orders" || group.at("group") != "payments") continue;
    listed = true;
    EXPECT_EQ(group.at("consumers"), 1);
    EXPECT_EQ(group.at("retrying"), 0);
    EXPECT_EQ(group.at("dead"), 1);
  }
  EXPECT_TRUE(listed);
  expect_shown({"broker", "groups"}, "orders.till-1");
  expect_shown({"broker", "groups"}, "dead:payments:orders.till-1");
}

TEST_F(OutboxctlWithPayments, DeadLettersOfAGroupAreListedShownReplayedAndDiscarded) {
  EXPECT_EQ(end_of("o-1", "pm_down"), "PAYMENT_FAILED");
  EXPECT_EQ(end_of("o-2", "pm_down"), "PAYMENT_FAILED");
  const auto letters = json(broker_dead("list"));
  ASSERT_EQ(letters.size(), 2U);
  EXPECT_EQ(letters[0].at("producer"), "till-1");
  EXPECT_EQ(letters[0].at("attempts"), 1);
  const std::string offset = std::to_string(letters[0].at("offset").get<std::uint64_t>());
  EXPECT_EQ(one(broker_dead("show", {offset})).at("event").at("subject"), "o-1");
  expect_shown(broker_dead("list"), "order.created");
  expect_shown(broker_dead("show", {offset}), "FAILED AT");

  one(broker_dead("replay", {offset, "--reason", "the gateway is back"}));
  EXPECT_EQ(ctl(broker_dead("replay", {offset})).status, kRefused);
  one(broker_dead("discard", {"--all"}));
  EXPECT_EQ(ctl(broker_dead("show", {offset})).status, kRefused);
  asked_ = &payments_;
  EXPECT_EQ(json({"payment", "list"}).size(), 2U);
}

TEST_F(Outboxctl, ADeadLetterOfTheDaemonIsListedShownAndReplayedOnceTheBrokerTakesIt) {
  EXPECT_EQ(broker_.stop(), 0);
  broker_.configure("[topics]\nallowed = [\"orders\"]\n");
  broker_.start();
  one({"tx", "commit", "-"}, transaction("t-1", "k", 1).dump());
  EXPECT_THAT(ctl({"outbox", "wait", "1"}).err, HasSubstr("invalid_state"));
  const Json letter = one({"dead", "list"});
  EXPECT_EQ(letter.at("seq"), 1);
  EXPECT_EQ(one({"dead", "show", "1"}), letter);
  expect_shown({"dead", "list"}, "stock.counted");
  expect_shown({"dead", "show", "1"}, "reason");

  EXPECT_EQ(broker_.stop(), 0);
  broker_.configure("");
  broker_.start();
  EXPECT_EQ(one({"dead", "replay", "1", "--reason", "now it is allowed"}).at("seq"), 2);
  EXPECT_EQ(one({"outbox", "wait", "2"}).at("level"), "delivered");
  EXPECT_EQ(one({"broker", "tail", "stock"}).at("seq"), 2);
  EXPECT_TRUE(json({"dead", "list"}).empty());
  EXPECT_EQ(ctl({"dead", "replay", "1"}).status, kRefused);
}

TEST_F(Outboxctl, TheLetterOfAnExpiredOrderIsNotReplayedButDiscarded) {
  EXPECT_EQ(broker_.stop(), 0);
  EXPECT_EQ(daemon_.stop(), 0);
  daemon_.configure("[orders]\nunpublished_ttl_ms = 1\n");
  daemon_.start();
  create("o-1");
  one({"outbox", "wait", "2", "--level", "stored"});  // order.expired, of the batch of its letter
  EXPECT_EQ(one({"order", "get", "o-1"}).at("status"), "EXPIRED");
  EXPECT_THAT(std::string(one({"dead", "list"}).at("reason")), HasSubstr("expired"));
  const ProcessOutcome waited = ctl({"outbox", "wait", "1", "--level", "delivered"});
  EXPECT_EQ(waited.status, kRefused);
  EXPECT_THAT(waited.err, HasSubstr("event 1 is a dead letter: expired"));

  const ProcessOutcome all = ctl({"dead", "replay", "--all"});
  EXPECT_EQ(all.status, kRefused);
  EXPECT_THAT(all.err, HasSubstr("invalid_state"));
  expect_shown({"dead", "discard", "--all", "--reason", "the customer has left"}, "discarded");
  EXPECT_EQ(ctl({"dead", "show", "1"}).status, kRefused);
}

TEST_F(Outboxctl, OrdersAreCreatedShownListedAndCancelled) {
  const Json created = create("o-1");
  EXPECT_EQ(created.at("total"), 2208);
  EXPECT_EQ(created.at("replayed"), false);
  EXPECT_EQ(create("o-1").at("replayed"), true);
  EXPECT_EQ(one({"order", "get", "o-1"}).at("lines").size(), 2U);
  expect_shown({"order", "get", "o-1"}, "22.08 GBP");

  const Json cancelled = one({"order", "cancel", "o-1", "--reason", "changed my mind"});
  EXPECT_EQ(cancelled.at("status"), "CANCELLED");
  create("o-2");
  create("o-3");
  EXPECT_EQ(json({"order", "list"}).size(), 3U);
  EXPECT_EQ(json({"order", "list", "--limit", "2"}).size(), 2U);
  EXPECT_EQ(one({"order", "list", "--status", "CANCELLED"}).at("order_id"), "o-1");
  expect_shown({"order", "list"}, "o-3");
}

TEST_F(Outboxctl, SeatsAreHeldPaidCancelledAndListed) {
  EXPECT_EQ(deposit("u-1", "50").at("replayed"), false);
  EXPECT_EQ(deposit("u-1", "50").at("replayed"), true);
  EXPECT_EQ(hold("r-1", "u-1", "A1").at("status"), "HELD");
  EXPECT_EQ(hold("r-1", "u-1", "A1").at("replayed"), true);
  EXPECT_TRUE(pay("r-1", "u-1").contains("paid_at"));
  hold("r-2", "u-1", "A2");
  EXPECT_EQ(one({"reservation", "cancel", "r-2", "--reason", "rain"}).at("failure"), "rain");
  hold("r-3", "u-2", "A2");  // is free again

  EXPECT_EQ(json({"reservation", "list"}).size(), 3U);
  EXPECT_EQ(one({"reservation", "list", "--status", "PAID"}).at("item_id"), "A1");
  EXPECT_EQ(one({"reservation", "get", "r-3"}).at("user_id"), "u-2");
  expect_shown({"reservation", "get", "r-2"}, "CANCELLED");
  expect_shown({"reservation", "list"}, "r-3");
}

TEST_F(Outboxctl, ATokenPaysOnceForItsUserAndIsReadFromStandardInput) {
  deposit("u-1", "500");
  hold("r-1", "u-1", "A1");
  hold("r-2", "u-1", "A2");
  const std::string token = one({"token", "issue", "u-1", "--ttl", "5m"}).at("token");
  EXPECT_EQ(one({"token", "check", "u-1", "--token", token}).at("valid"), true);
  EXPECT_EQ(one({"token", "check", "u-2", "--token", token}).at("valid"), false);

  const auto pay_with_input = [](const std::string& id) {
    return std::vector<std::string>{"reservation", "pay", id, "--user", "u-1", "--token", "-"};
  };
  EXPECT_EQ(one(pay_with_input("r-1"), token + "\n").at("replayed"), false);
  EXPECT_EQ(one(pay_with_input("r-1"), token).at("replayed"), true);
  const ProcessOutcome spent = ctl(pay_with_input("r-2"), token);
  EXPECT_EQ(spent.status, kRefused);
  EXPECT_THAT(spent.err, HasSubstr("token_invalid (token)"));
  expect_shown({"token", "check", "u-1", "--token", token}, "no");
}

TEST_F(Outboxctl, WhatPointsDoNotBuyIsRefusedAndChangesNothing) {
  deposit("u-1", "30");
  hold("r-1", "u-1", "A1");
  const std::string token = one({"token", "issue", "u-1"}).at("token");
  const ProcessOutcome poor = ctl({"reservation", "pay", "r-1", "--user", "u-1", "--token", token});
  EXPECT_EQ(poor.status, kRefused);
  EXPECT_THAT(poor.err, HasSubstr("insufficient_points"));
  EXPECT_THAT(poor.err, HasSubstr("10 are missing"));
  EXPECT_EQ(ctl({"reservation", "hold", "--user", "u-2", "--item", "A1", "--price", "1"}).status,
            kRefused);
  EXPECT_EQ(ctl({"wallet", "deposit", "--id", "d-u-1", "--user", "u-1", "--points", "31"}).status,
            kRefused);
  EXPECT_EQ(ctl({"wallet", "deposit", "--user", "u-1", "--points", "0"}).status, kRefused);

  EXPECT_EQ(one({"wallet", "get", "u-1"}).at("points"), 30);
  EXPECT_EQ(one({"reservation", "list"}).at("status"), "HELD");
  EXPECT_EQ(one({"token", "check", "u-1", "--token", token}).at("valid"), true);
}

TEST_F(Outboxctl, AnOrderWithoutAnIdIsGivenOne) {
  const Json created = one({"order", "create", "--customer", "c", "--payment-method", "pm_ok",
                            "--currency", "GBP", "--line", "A:1:100"});
  EXPECT_EQ(one({"order", "get", created.at("order_id")}).at("total"), 100);
}

TEST_F(Outboxctl, TransactionsAreCommittedFromAFileOrStandardInputAndTheirStateRead) {
  const std::string file = directory_ / "tx.json";
  std::ofstream(file) << transaction("t-1", "k1", {{"n", 1}}).dump();
  EXPECT_EQ(one({"tx", "commit", file}).at("seq"), 1);
  EXPECT_EQ(one({"tx", "commit", file}).at("replayed"), true);
  EXPECT_EQ(one({"tx", "commit", "-"}, transaction("t-2", "k2", 2).dump()).at("seq"), 2);
  EXPECT_EQ(one({"state", "get", "k1"}).at("value").at("n"), 1);
  EXPECT_EQ(json({"state", "list"}).size(), 2U);
  EXPECT_EQ(one({"state", "list", "k2"}).at("value"), 2);
  expect_shown({"state", "get", "k1"}, "{\"n\":1}");
}

TEST_F(Outboxctl, TheOutboxIsListedShownAndWaitedFor) {
  create("o-1");
  EXPECT_EQ(one({"outbox", "wait", "1", "--level", "stored"}).at("level"), "stored");
  EXPECT_EQ(one({"outbox", "wait", "1"}).at("level"), "delivered");
  EXPECT_TRUE(json({"outbox", "list"}).empty());
  EXPECT_TRUE(json({"outbox", "list", "--state", "dead"}).empty());

  EXPECT_EQ(broker_.stop(), 0);
  create("o-2");
  EXPECT_EQ(one({"outbox", "list"}).at("event").at("subject"), "o-2");
  EXPECT_EQ(one({"outbox", "get", "2"}).at("event").at("type"), "order.created");
  expect_shown({"outbox", "list"}, "order.created");
}

TEST_F(Outboxctl, TheDaemonSaysHowItIsAndIsMaintained) {
  const Json status = one({"status"});
  EXPECT_EQ(status.at("producer"), "till-1");
  EXPECT_TRUE(status.at("modules").contains("orders")) << status.at("modules");
  for (const char* name :
       {"version", "uptime_ms", "epoch", "link", "outbox", "storage", "limits"}) {
    EXPECT_TRUE(status.contains(name)) << name;
  }
  EXPECT_EQ(json({"top", "--count", "2", "--interval", "10ms"}).size(), 2U);
  create("o-1");
  EXPECT_EQ(one({"verify"}).at("ok"), true);
  EXPECT_TRUE(one({"compact"}).contains("bytes_after"));
  expect_shown({"status"}, "till-1");
  expect_shown({"verify"}, "orders");
  expect_shown({"compact"}, "after");
  expect_shown({"top", "--count", "1"}, "till-1");
}

TEST_F(Outboxctl, ATailEndsAfterTheCountThatWasAskedFor) {
  EXPECT_EQ(broker_.stop(), 0);
  create("o-1");
  create("o-2");
  const auto events = json({"tail", "--from", "1", "--count", "2"});
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].at("subject"), "o-2");
  expect_shown({"tail", "orders", "--from", "1", "--count", "1"}, "order.created");
}

TEST_F(Outboxctl, TheBrokerIsLookedAt) {
  create("o-1");
  json({"tx", "commit", "-"}, transaction("t-1", "k", 1).dump());
  json({"outbox", "wait", "2"});
  EXPECT_EQ(one({"broker", "status"}).at("events").at("accepted"), 2);
  const auto topics = json({"broker", "topics"});
  ASSERT_EQ(topics.size(), 2U);
  EXPECT_EQ(topics[0].at("topic"), "orders");
  EXPECT_EQ(topics[1].at("next_offset"), 2);
  EXPECT_EQ(json({"broker", "topics", "--limit", "1"}).size(), 1U);
  EXPECT_EQ(one({"broker", "producers"}).at("last_seq"), 2);
  EXPECT_EQ(one({"broker", "tail", "orders"}).at("subject"), "o-1");
  EXPECT_TRUE(json({"broker", "tail", "orders", "--from", "2"}).empty());
  expect_shown({"broker", "status"}, "producers connected");
  expect_shown({"broker", "topics"}, "stock");
  expect_shown({"broker", "producers"}, "till-1");
}

TEST_F(Outboxctl, ARefusalIsStatusOneAndSaysWhy) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"order", "get", "o-9"},
           {"order", "cancel", "o-9"},
           {"order", "list", "--status", "LOST"},
           {"order", "create", "--customer", "c", "--payment-method", "pm_ok", "--currency", "XYZ",
            "--line", "A:1:100"},
           {"state", "get", "k"},
           {"outbox", "get", "9"},
           {"broker", "tail", "nowhere"}}) {
    const ProcessOutcome outcome = ctl(words);
    EXPECT_EQ(outcome.status, kRefused) << words[0] << " " << words[1];
    EXPECT_THAT(outcome.err, HasSubstr("outboxctl: "));
    EXPECT_EQ(outcome.out, "");
  }
  EXPECT_THAT(ctl({"order", "get", "o-9"}).err, HasSubstr("not_found (order_id)"));
}

TEST_F(Outboxctl, WrongUsageIsStatusTwo) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {},
           {"frobnicate"},
           {"order"},
           {"order", "get"},
           {"order", "create", "--customer", "c"},
           {"order", "create", "--customer", "c", "--payment-method", "pm_ok", "--currency", "GBP",
            "--line", "A:one:100"},
           {"order", "import", (directory_ / "missing.csv").string()},
           {"tx", "commit", (directory_ / "missing.json").string()},
           {"outbox", "wait", "soon"},
           {"--timeout", "soon", "status"}}) {
    EXPECT_EQ(ctl(words).status, kUsage) << (words.empty() ? "" : words.back());
  }
  EXPECT_EQ(ctl({"tx", "commit", "-"}, "[1,2]").status, kUsage);
}

TEST_F(Outboxctl, AnUnreachableDaemonOrBrokerIsStatusThree) {
  EXPECT_EQ(broker_.stop(), 0);
  EXPECT_EQ(daemon_.stop(), 0);
  for (const auto& words : std::vector<std::vector<std::string>>{{"status"},
                                                                 {"order", "get", "o-1"},
                                                                 {"tail"},
                                                                 {"broker", "status"},
                                                                 {"broker", "tail", "orders"}}) {
    const ProcessOutcome outcome = ctl(words);
    EXPECT_EQ(outcome.status, kUnreachable) << words[0];
    EXPECT_THAT(outcome.err, HasSubstr("unreachable"));
  }
}

TEST_F(Outboxctl, AnUnknownOutcomeOrATimeoutIsStatusFour) {
  EXPECT_EQ(ctl({"--timeout", "20ms", "outbox", "wait", "9"}).status, kOutcomeUnknown);

  // A daemon that took the request and is gone before it answers.
  daemon_.process().signal(SIGSTOP);
  const ProcessOutcome silent = ctl({"--timeout", "100ms", "order", "get", "o-1"});
  daemon_.process().signal(SIGCONT);
  EXPECT_EQ(silent.status, kOutcomeUnknown);
}

TEST_F(Outboxctl, VersionsAndHelpAreStatusZero) {
  for (const char* name : {"outboxd", "outbox-broker", "outboxctl"}) {
    const ProcessOutcome version = run({.argv = {program(name), "--version"}});
    EXPECT_EQ(version.status, 0);
    EXPECT_THAT(version.out, HasSubstr(std::string(name) + " "));
    EXPECT_EQ(run({.argv = {program(name), "--help"}}).status, 0);
    EXPECT_EQ(run({.argv = {program(name), "--no-such-flag"}}).status, 2);
  }
}

}  // namespace
}  // namespace outboxd::e2e
