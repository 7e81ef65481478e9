// The RocksDB options of this project: small boxes, flash, one writer.
#pragma once

#include <memory>

#include <rocksdb/options.h>

#include "storage/database/database.h"

namespace outboxd::storage {

// Options of the database as a whole.
rocksdb::DBOptions tuned_db_options(const DatabaseOptions& options, rocksdb::Env* env,
                                    const std::shared_ptr<rocksdb::Cache>& cache);

// Options of one family.
rocksdb::ColumnFamilyOptions tuned_family_options(const FamilyOptions& family,
                                                  const MemoryProfile& memory,
                                                  const std::shared_ptr<rocksdb::Cache>& cache);

}  // namespace outboxd::storage
