// A box office that sells seats for points to everybody at once, while the daemon, the broker and
// the payment side are killed: no seat is sold twice, no point is lost, every sale is booked once.
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/appliance.h"
#include "tests/e2e/buyers.h"

namespace outboxd::e2e {
namespace {

using ById = std::map<std::string, Json>;

class BoxOffice : public ApplianceTest {
 protected:
  static constexpr int kRounds = 12;
  static constexpr std::size_t kBuyers = 64;
  static constexpr std::size_t kSalesPerRound = 40;

  BoxOffice() { daemon_.configure("modules = [\"reservations\"]\n"); }

  void TearDown() override {
    if (payer_.is_running()) {
      EXPECT_EQ(payer_.stop(), 0);
    }
    ApplianceTest::TearDown();
  }

  // Kills one of the three and lets it come back; sales go on without the other two.
  void kill_one(int round, Buyers& buyers) {
    if (round % 3 == 0) {
      daemon_.kill();
      daemon_.start();
      buyers.daemon_is_back();
      return;
    }
    Server& other = round % 3 == 1 ? broker_ : payer_;
    other.kill();
    buyers.wait_for_sales(kSalesPerRound);
    other.start();
  }

  // Everything that a list method has, by the member `id`.
  static ById all(const Server& server, const std::string& method, const std::string& list,
                  const std::string& id) {
    Client client = server.connect();
    ById entries;
    Json arguments = {{"limit", 1000}};
    while (true) {
      Json page = ok(client.call(method, arguments));
      for (Json& entry : page.at(list)) {
        const std::string name = entry.at(id);
        EXPECT_TRUE(entries.emplace(name, std::move(entry)).second) << name << " is there twice";
      }
      if (page.at("next").is_null()) return entries;
      arguments["after"] = page.at("next");
    }
  }

  // Waits until no hold is left: each ends with an event, by itself.
  void wait_until_nothing_is_held() {
    Client client = daemon_.connect();
    Json held;
    for (int waits = 0; waits < 3'000; ++waits) {
      held = ok(client.call("reservation.list", {{"status", "HELD"}, {"limit", 10}}))
                 .at("reservations");
      if (held.empty()) return;
      const Json outbox = ok(client.call("daemon.status")).at("outbox");
      (void)client.call("outbox.wait",
                        {{"seq", outbox.at("next_seq")}, {"level", "stored"}, {"timeout_ms", 20}});
    }
    FAIL() << "a hold outlives its time: " << held.front().dump();
  }

  // Waits until the payment side has everything that was committed until now.
  void wait_until_consumed() {
    Client client = daemon_.connect();
    const Json outbox = ok(client.call("daemon.status")).at("outbox");
    const auto next_seq = outbox.at("next_seq").get<std::uint64_t>();
    for (std::uint64_t seq = 1; seq < next_seq; ++seq) {
      const Json answer = ok(client.call(
          "outbox.wait", {{"seq", seq},
                          {"level", "consumed"},
                          {"timeout_ms", std::chrono::milliseconds(kPatience).count()}}));
      ASSERT_EQ(answer.at("level"), "consumed") << seq;
    }
  }

  // What a buyer was told is so, and nothing else was sold.
  static void check_what_buyers_were_told(const Sales& sales, const ById& reservations) {
    EXPECT_EQ(sales.holds.size(), reservations.size()) << "a hold that nobody was granted";
    for (const Hold& told : sales.holds) {
      const auto found = reservations.find(told.reservation_id);
      ASSERT_NE(found, reservations.end()) << told.reservation_id;
      const Json& kept = found->second;
      EXPECT_EQ(kept.at("status"), told.status == "HELD" ? "EXPIRED" : told.status) << kept.dump();
      EXPECT_EQ(kept.at("item_id"), told.item_id);
      EXPECT_EQ(kept.at("user_id"), told.user_id);
      EXPECT_EQ(kept.at("price_points"), told.price_points);
    }
  }

  static void check_that_no_seat_is_sold_twice(const ById& paid) {
    std::set<std::string> sold;
    for (const auto& [id, reservation] : paid) {
      const std::string item = reservation.at("item_id");
      EXPECT_TRUE(sold.insert(item).second) << item << " is sold twice, once as " << id;
    }
  }

  // G9: what was deposited was spent, or is still there.
  void check_points(const Sales& sales, const ById& paid) {
    std::map<std::string, std::int64_t> expected = sales.deposited;
    for (const auto& [id, reservation] : paid) {
      expected[reservation.at("user_id")] -= reservation.at("price_points").get<std::int64_t>();
    }
    for (const auto& [user, points] : expected) {
      EXPECT_EQ(daemon_.ask("wallet.get", {{"user_id", user}}).at("points"), points) << user;
    }
  }

  // One payment per sale, of as many points, and no other.
  void check_payments(const ById& paid) {
    const ById payments = all(payer_, "payment.list", "payments", "payment_id");
    std::map<std::string, std::int64_t> booked;
    for (const auto& [id, payment] : payments) {
      EXPECT_EQ(payment.at("status"), "COMPLETED") << payment.dump();
      EXPECT_TRUE(
          booked.emplace(payment.at("reservation_id"), payment.at("points").get<std::int64_t>())
              .second)
          << payment.dump();
    }
    std::map<std::string, std::int64_t> expected;
    for (const auto& [id, reservation] : paid) {
      expected.emplace(id, reservation.at("price_points").get<std::int64_t>());
    }
    EXPECT_EQ(booked, expected);
  }

  // Each reservation's events: held, and one end, in this order (G7).
  void check_events(const ById& reservations) {
    std::map<std::string, std::vector<std::string>> events;
    for (const Json& event : events_at(broker_, "reservations")) {
      events[event.at("subject")].push_back(event.at("type"));
    }
    EXPECT_EQ(events.size(), reservations.size());
    for (const auto& [id, reservation] : reservations) {
      const std::string status = reservation.at("status");
      const std::vector<std::string> expected = {"reservation.held",
                                                 status == "PAID"        ? "reservation.paid"
                                                 : status == "CANCELLED" ? "reservation.cancelled"
                                                                         : "reservation.expired"};
      EXPECT_EQ(events[id], expected) << id;
    }
  }

  Server payer_{"outboxd",
                directory_ / "payer",
                {"--producer", "payer-1", "--broker", port_.endpoint(), "--modules", "payments"}};
};

TEST_F(BoxOffice, KillsAmongSixtyFourBuyersSellNoSeatTwiceLoseNoPointAndBookEverySaleOnce) {
  broker_.start();
  daemon_.start();
  payer_.start();
  Buyers buyers(daemon_.socket(), kBuyers);
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    buyers.wait_for_sales(kSalesPerRound);
    kill_one(round, buyers);
  }
  const Sales sales = buyers.finish();
  wait_until_nothing_is_held();
  wait_until_consumed();

  const ById reservations = all(daemon_, "reservation.list", "reservations", "reservation_id");
  ById paid = reservations;
  std::erase_if(paid, [](const auto& entry) { return entry.second.at("status") != "PAID"; });
  ASSERT_GE(paid.size(), kRounds * kSalesPerRound);
  check_what_buyers_were_told(sales, reservations);
  check_that_no_seat_is_sold_twice(paid);
  check_points(sales, paid);
  check_payments(paid);
  check_events(reservations);
  const Json verified = daemon_.ask("daemon.verify");
  EXPECT_TRUE(verified.at("ok").get<bool>()) << verified.dump();
}

}  // namespace
}  // namespace outboxd::e2e
