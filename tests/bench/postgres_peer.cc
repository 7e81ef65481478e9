#include "tests/bench/postgres_peer.h"

#include "tests/bench/postgres_load.h"
#include "tests/bench/sample_order.h"

namespace outboxd::bench {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE orders (order_id text PRIMARY KEY, state text NOT NULL);"
    "CREATE TABLE outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event text NOT "
    "NULL)";
// One statement is one transaction and one round trip: the fastest way to write both rows.
constexpr const char* kTransaction =
    "WITH placed AS (INSERT INTO orders VALUES ($1, $2)) INSERT INTO outbox (event) VALUES ($3)";

}  // namespace

LoadResult measure_postgres(const Settings& settings, std::uint32_t clients) {
  const PostgresServer server(settings, kSchema);
  NumberedText id("o-" + std::string(kOrderNumber));
  NumberedText state(sample_state());
  NumberedText event(sample_event());
  return drive_postgres(server, settings, clients, kTransaction,
                        [&](PostgresClient& client, std::uint64_t number) {
                          client.send(id.with(number), state.with(number), event.with(number));
                        });
}

}  // namespace outboxd::bench
