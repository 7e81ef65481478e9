// Reads everything in the store and checks it.
#pragma once

#include "domain/result.h"
#include "storage/database/database.h"
#include "storage/durable_progress.h"
#include "storage/store.h"

namespace outboxd::storage {

// See OutboxStore::verify. Commits and the collector may go on meanwhile; what they add and take is
// not judged.
domain::Result<VerifyReport> verify_store(Database& database, const DurableProgress& progress);

}  // namespace outboxd::storage
