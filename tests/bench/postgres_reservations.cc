#include "tests/bench/postgres_reservations.h"

#include <string>

#include "tests/bench/postgres_load.h"
#include "tests/bench/sample_order.h"

namespace outboxd::bench {
namespace {

// More than a run can pay: a reservation that is not there fails the side.
constexpr double kReservationsPerSecond = 40'000;
constexpr const char* kHotUser = "u-hot";

// Room is left in the pages, so that an update finds place beside the row it replaces and touches
// no index. Tokens are not asked for: an application would keep them in memory in front of this.
constexpr const char* kSchema = R"(
CREATE TABLE wallets (user_id text PRIMARY KEY, points bigint NOT NULL CHECK (points >= 0))
  WITH (fillfactor = 50);
CREATE TABLE reservations (
  reservation_id text PRIMARY KEY, user_id text NOT NULL, item_id text NOT NULL,
  price_points bigint NOT NULL, status text NOT NULL, held_until timestamptz NOT NULL,
  paid_at timestamptz) WITH (fillfactor = 50);
CREATE TABLE outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event text NOT NULL);

CREATE FUNCTION pay(reservation text, payer text, paid_event text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  held reservations%ROWTYPE;
  event_seq bigint;
BEGIN
  SELECT * INTO held FROM reservations WHERE reservation_id = reservation;
  IF NOT FOUND THEN RAISE 'there is no reservation %', reservation; END IF;
  IF held.user_id <> payer THEN RAISE '% is not of %', reservation, payer; END IF;
  IF held.status <> 'HELD' THEN RAISE '% is %', reservation, held.status; END IF;
  IF held.held_until <= clock_timestamp() THEN RAISE 'the hold of % is over', reservation; END IF;
  UPDATE wallets SET points = points - held.price_points
    WHERE user_id = payer AND points >= held.price_points;
  IF NOT FOUND THEN RAISE '% has not enough points', payer; END IF;
  UPDATE reservations SET status = 'PAID', paid_at = clock_timestamp()
    WHERE reservation_id = reservation AND status = 'HELD';
  IF NOT FOUND THEN RAISE '% was paid by somebody else', reservation; END IF;
  INSERT INTO outbox (event) VALUES (paid_event) RETURNING seq INTO event_seq;
  RETURN event_seq;
END $$;
)";

constexpr const char* kTransaction = "SELECT pay($1, $2, $3)";

void fill(const PostgresServer& server, Wallets wallets, std::uint64_t reservations) {
  PostgresClient client(server.directory());
  const std::string numbers = "FROM generate_series(1, " + std::to_string(reservations) + ") AS n";
  const std::string digits = "lpad(n::text, " + std::to_string(kOrderNumber.size()) + ", '0')";
  const bool is_hot = wallets == Wallets::kOneHot;
  const std::string user = is_hot ? std::string("'") + kHotUser + "'" : "'u-' || " + digits;
  client.execute(is_hot ? "INSERT INTO wallets VALUES (" + user + ", 1000000000)"
                        : "INSERT INTO wallets SELECT " + user + ", 100 " + numbers);
  client.execute("INSERT INTO reservations SELECT 'r-' || " + digits + ", " + user +
                 ", 'seat-' || " + digits + ", 25, 'HELD', now() + interval '1 hour' " + numbers);
  // What the first reader of a fresh row would have to do is done before the clock starts.
  client.execute("VACUUM ANALYZE wallets");
  client.execute("VACUUM ANALYZE reservations");
}

}  // namespace

LoadResult measure_postgres_reservations(const Settings& settings, Wallets wallets,
                                         std::uint32_t clients) {
  const PostgresServer server(settings, kSchema);
  const double seconds = (settings.warm_up + settings.window).count();
  fill(server, wallets, static_cast<std::uint64_t>(seconds * kReservationsPerSecond));
  NumberedText reservation("r-" + std::string(kOrderNumber));
  NumberedText user(wallets == Wallets::kOneHot ? kHotUser : "u-" + std::string(kOrderNumber));
  NumberedText event(sample_event());
  return drive_postgres(
      server, settings, clients, kTransaction, [&](PostgresClient& client, std::uint64_t number) {
        client.send(reservation.with(number), user.with(number), event.with(number));
      });
}

}  // namespace outboxd::bench
