// RocksDB's views of bytes, as the standard's.
#pragma once

#include <string_view>

#include <rocksdb/slice.h>

namespace outboxd::storage {

// Valid for as long as what `slice` shows is.
inline std::string_view view_of(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

}  // namespace outboxd::storage
