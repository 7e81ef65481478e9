// Load on PostgreSQL: some connections with one transaction in flight on each.
#pragma once

#include <cstdint>
#include <functional>

#include "tests/bench/load_loop.h"
#include "tests/bench/postgres_client.h"
#include "tests/bench/postgres_server.h"
#include "tests/bench/settings.h"

namespace outboxd::bench {

// Sends the transaction with that number; each number is used once, from 1.
using SendTransaction = std::function<void(PostgresClient&, std::uint64_t number)>;

// The committed transactions of the settings' window, after its warm-up, by `clients` connections
// that have prepared `statement`. PostgreSQL commits the ones that wait together with one sync.
LoadResult drive_postgres(const PostgresServer& server, const Settings& settings,
                          std::uint32_t clients, const char* statement,
                          const SendTransaction& send);

}  // namespace outboxd::bench
