// kill -9 of the order side, the broker and the payment side in turn, under load: every order ends,
// and is paid once.
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/appliance.h"
#include "tests/e2e/ledger_gateway.h"
#include "tests/e2e/load.h"

namespace outboxd::e2e {
namespace {

constexpr const char* kQuickRetries = R"(
[groups]
backoff_base_ms = 20
backoff_max_ms = 100
)";

class PaymentKills : public ApplianceTest {
 protected:
  static constexpr int kRounds = 30;
  static constexpr std::size_t kClients = 4;
  static constexpr std::uint64_t kAnswersPerRound = 40;

  PaymentKills() {
    broker_.configure(kQuickRetries);
    payer_.configure("[payments]\ngateway = \"http\"\nurl = \"" + gateway_.url() + "\"\n");
  }

  void TearDown() override {
    if (payer_.is_running()) {
      EXPECT_EQ(payer_.stop(), 0);
    }
    ApplianceTest::TearDown();
  }

  // One order of every kind that the load has not.
  void create_difficult_orders(int round) {
    for (const char* method : {"pm_decline", "pm_flaky_1", "pm_flaky_2", "pm_down"}) {
      Json request = order("r" + std::to_string(round) + "-" + method);
      request["payment_method"] = method;
      (void)ok(daemon_.connect().call("order.create", request));
    }
  }

  static std::vector<Json> all(const Server& server, const std::string& method,
                               const std::string& list, Json arguments = {{"limit", 1000}}) {
    Client client = server.connect();
    std::vector<Json> entries;
    Json after = nullptr;
    do {
      if (!after.is_null()) arguments["after"] = after;
      Json page = ok(client.call(method, arguments));
      for (Json& entry : page.at(list)) entries.push_back(std::move(entry));
      after = page.at("next");
    } while (!after.is_null());
    return entries;
  }

  // Waits until no order is CREATED.
  void wait_until_all_ended() {
    Client client = daemon_.connect();
    std::vector<Json> open;
    for (int waits = 0; waits < 3'000; ++waits) {
      open = all(daemon_, "order.list", "orders", {{"status", "CREATED"}, {"limit", 1000}});
      if (open.empty()) return;
      // The next event, or a moment: an order ends with an event.
      const Json outbox = ok(client.call("daemon.status")).at("outbox");
      (void)client.call("outbox.wait",
                        {{"seq", outbox.at("next_seq")}, {"level", "stored"}, {"timeout_ms", 20}});
    }
    FAIL() << open.size() << " orders are left, such as " << open.front().dump();
  }

  // What the gateway charged: once per order, under one key.
  std::map<std::string, std::int64_t> charged_by_order() const {
    std::map<std::string, std::int64_t> charged;
    for (const auto& [key, entry] : gateway_.entries()) {
      if (!entry.charged) continue;
      EXPECT_TRUE(charged.emplace(entry.order_id, entry.amount).second)
          << entry.order_id << " was charged under two keys, one is " << key;
    }
    return charged;
  }

  // PAID exactly where money moved, and as much of it (G9).
  static void check_orders(const std::vector<Json>& orders,
                           const std::map<std::string, std::int64_t>& charged) {
    std::size_t paid = 0;
    for (const Json& one : orders) {
      const auto charge = charged.find(one.at("order_id"));
      const bool was_charged = charge != charged.end();
      EXPECT_EQ(one.at("status"), was_charged ? "PAID" : "PAYMENT_FAILED") << one.dump();
      if (!was_charged) continue;
      ++paid;
      EXPECT_EQ(charge->second, one.at("total").get<std::int64_t>()) << one.dump();
    }
    EXPECT_EQ(paid, charged.size()) << "money was taken for an order that does not exist";
  }

  // One payment per order (G8), in the state that the ledger says.
  void check_payments(std::size_t orders, const std::map<std::string, std::int64_t>& charged) {
    std::set<std::string> seen;
    for (const Json& payment : all(payer_, "payment.list", "payments")) {
      const std::string id = payment.at("order_id");
      EXPECT_TRUE(seen.insert(id).second) << id << " has two payments";
      EXPECT_EQ(payment.at("status"), charged.contains(id) ? "COMPLETED" : "FAILED") << id;
    }
    EXPECT_EQ(seen.size(), orders);
  }

  // Each order's events: created, and one end, in this order (G7).
  void check_events(const std::vector<Json>& orders) {
    const Json outbox = ok(daemon_.connect().call("daemon.status")).at("outbox");
    wait_until_delivered(daemon_, outbox.at("next_seq").get<std::uint64_t>() - 1);
    std::map<std::string, std::vector<std::string>> events;
    for (const Json& event : events_at(broker_, "orders")) {
      events[event.at("subject")].push_back(event.at("type"));
    }
    for (const Json& one : orders) {
      const std::string id = one.at("order_id");
      const std::vector<std::string> expected = {
          "order.created", one.at("status") == "PAID" ? "order.paid" : "order.payment_failed"};
      EXPECT_EQ(events[id], expected) << id;
    }
  }

  LedgerGateway gateway_;
  Server payer_{"outboxd",
                directory_ / "payer",
                {"--producer", "payer-1", "--broker", port_.endpoint(), "--modules", "payments"}};
};

TEST_F(PaymentKills, ThirtyKillsUnderLoadLeaveEveryOrderFinalAndPaidOnce) {
  broker_.start();
  daemon_.start();
  payer_.start();
  Load load(daemon_.socket(), kClients);
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    create_difficult_orders(round);
    load.wait_for_answers(kAnswersPerRound);
    switch (round % 3) {
      case 0:
        payer_.kill();
        load.wait_for_answers(kAnswersPerRound);  // the orders wait for it
        payer_.start();
        break;
      case 1:
        broker_.kill();
        load.wait_for_answers(kAnswersPerRound);
        broker_.start();
        break;
      default:
        daemon_.kill();
        daemon_.start();
        load.daemon_is_back();
        break;
    }
  }
  (void)load.finish();
  wait_until_all_ended();

  const std::vector<Json> orders = all(daemon_, "order.list", "orders");
  const std::map<std::string, std::int64_t> charged = charged_by_order();
  check_orders(orders, charged);
  check_payments(orders.size(), charged);
  check_events(orders);
}

}  // namespace
}  // namespace outboxd::e2e
