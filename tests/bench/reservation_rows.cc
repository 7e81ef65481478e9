#include "tests/bench/reservation_rows.h"

#include <string>

#include "tests/bench/postgres_reservations.h"
#include "tests/bench/reservation_calls.h"

namespace outboxd::bench {
namespace {

constexpr const char* kRow = "reservation";
constexpr const char* kModules = "orders,reservations";
// Set up and paid at a time; the daemon keeps a bounded number of tokens.
constexpr std::uint64_t kRound = 10'000;
constexpr std::uint32_t kSetupInFlight = 16;
// PostgreSQL's best: more clients only queue for the lock on the one row.
constexpr std::uint32_t kPostgresClients = 16;
constexpr std::uint32_t kPostgresHotClients = 2;

Figures rate(const LoadResult& result) {
  return {result.seconds, {{"per_second", result.per_second()}}};
}

// Reservations that are held and can be paid, round by round.
class BoxOffice {
 public:
  BoxOffice(Appliance& appliance, Wallets wallets)
      : appliance_(appliance),
        wallets_(wallets),
        deposit_(wallets),
        hold_(wallets),
        issue_(wallets, tokens_) {
    if (wallets == Wallets::kOneHot) appliance.call(deposit_, 1, 1, 1);
  }

  // Only the paying is in the result; 64 connections with one request in flight each.
  LoadResult sell_round() {
    const std::uint64_t first = next_number_;
    next_number_ += kRound;
    if (wallets_ == Wallets::kDistinct) appliance_.call(deposit_, kSetupInFlight, first, kRound);
    appliance_.call(hold_, kSetupInFlight, first, kRound);
    tokens_.expect(first, kRound);
    appliance_.call(issue_, kSetupInFlight, first, kRound);
    ReservationPay pay(wallets_, tokens_, first);
    return appliance_.call(pay, 1, first, kRound);
  }

 private:
  Appliance& appliance_;
  const Wallets wallets_;
  std::uint64_t next_number_ = 1;
  Tokens tokens_;
  WalletDeposit deposit_;
  ReservationHold hold_;
  TokenIssue issue_;
};

Figures sell(RunContext& context, Wallets wallets) {
  Appliance appliance(context);
  appliance.start_daemon(kModules);
  BoxOffice office(appliance, wallets);
  for (double warm = 0; warm < context.settings.warm_up.count();)
    warm += office.sell_round().seconds;
  LoadResult paid;
  while (paid.seconds < context.settings.window.count()) {
    const LoadResult round = office.sell_round();
    paid.completed += round.completed;
    paid.seconds += round.seconds;
  }
  return rate(paid);
}

// What the same daemon does with orders, in the same run and with as many clients.
Figures create_orders(RunContext& context) {
  Appliance appliance(context);
  appliance.start_daemon(kModules);
  return rate(appliance.commit_for(1));
}

}  // namespace

std::vector<Side> reservation_sides() {
  return {
      {kRow, "distinct", "outboxd",
       [](RunContext& context) { return sell(context, Wallets::kDistinct); }},
      {kRow, "distinct", "postgresql",
       [](RunContext& context) {
         return rate(
             measure_postgres_reservations(context.settings, Wallets::kDistinct, kPostgresClients));
       }},
      {kRow, "distinct", "order.create", create_orders},
      {kRow, "hot", "outboxd", [](RunContext& context) { return sell(context, Wallets::kOneHot); }},
      {kRow, "hot", "postgresql",
       [](RunContext& context) {
         return rate(measure_postgres_reservations(context.settings, Wallets::kOneHot,
                                                   kPostgresHotClients));
       }},
  };
}

}  // namespace outboxd::bench
