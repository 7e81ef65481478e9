// Which table files are damaged, and what was in them.
#pragma once

#include "domain/result.h"
#include "storage/database/database.h"

namespace outboxd::storage {

// Reads every table and compares its checksums. Error: damaged, naming each file that is and what
// it holds, for the operator. Nothing is changed.
domain::Status check_tables(const Database& database);

}  // namespace outboxd::storage
