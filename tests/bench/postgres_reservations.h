// Paying reservations with points in PostgreSQL, as a function with its outbox row.
#pragma once

#include <cstdint>

#include "tests/bench/load_loop.h"
#include "tests/bench/settings.h"

namespace outboxd::bench {

// Whose points the reservations of a run are paid with.
enum class Wallets : std::uint8_t {
  kDistinct,  // each has a wallet of its own
  kOneHot,    // one wallet pays for all
};

// Paid reservations per second with `clients` connections. Wallets with points and held
// reservations are there before the clock starts.
LoadResult measure_postgres_reservations(const Settings& settings, Wallets wallets,
                                         std::uint32_t clients);

}  // namespace outboxd::bench
