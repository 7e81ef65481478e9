// A record's bytes, for the tests of every kind of record.
#pragma once

#include <string>

#include "storage/points_records.h"
#include "storage/records.h"

namespace outboxd::storage {

template <typename Record>
std::string encoded(const Record& record) {
  std::string bytes = "what was there before";
  encode(record, bytes);
  return bytes;
}

}  // namespace outboxd::storage
