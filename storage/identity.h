// The identity of a store as records of `meta` (FORMAT.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "domain/result.h"
#include "domain/store_identity.h"
#include "storage/database/database.h"

namespace outboxd::storage {

// Who the store is to be when it does not know yet.
struct WantedIdentity {
  std::string producer;  // as it is configured; empty: it is not
  std::string host;      // what a name begins with that nobody chose
};

// The identity of the store, settled: a new one gets an id; one that nobody named is called after
// its host and its id, once and for ever; another configured name is taken over while nothing was
// ever delivered. Nothing is written. Error: internal when the directory is of another producer, or
// cannot be read.
domain::Result<domain::StoreIdentity> settle_identity(const Database& database,
                                                      const std::string& path,
                                                      const WantedIdentity& wanted);

// Adds what makes `identity` durable to `batch`.
void put_identity(const Database& database, const domain::StoreIdentity& identity,
                  rocksdb::WriteBatch& batch);

// Adds `decision` to what people decided, `decisions`, of which the oldest go when it grows too
// long.
void put_decision(const Database& database, std::string_view decisions, std::string_view decision,
                  rocksdb::WriteBatch& batch);

domain::Result<std::string> read_decisions(const Database& database);

// Opens the next epoch after those before and after `above`, with the identity in the same batch.
domain::Result<std::uint64_t> take_epoch(Database& database, const domain::StoreIdentity& identity,
                                         std::uint64_t above);

}  // namespace outboxd::storage
