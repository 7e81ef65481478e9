// CRC-32C (Castagnoli), the checksum of RocksDB's log files.
#pragma once

#include <cstdint>
#include <string_view>

namespace outboxd::storage {

// The CRC-32C of `bytes`. Some 1 GB/s without special instructions, so that reading the logs at
// start is bound by the disk.
std::uint32_t crc32c(std::string_view bytes);

// The form in which logs carry it: the CRC of bytes that hold CRCs would be weak.
inline std::uint32_t masked_crc32c(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

}  // namespace outboxd::storage
