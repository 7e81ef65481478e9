// The log as a damaged disk may give it: read by the store's own scanner before RocksDB sees it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/check.h"
#include "storage/database/wal_scan.h"

namespace outboxd::storage {

namespace {

// The records that are readable, written anew, are the same records and nothing else.
void check(WalScanner scanner, std::size_t size) {
  std::string rewritten;
  std::size_t records = 0;
  std::uint64_t end = 0;
  while (const auto record = scanner.next()) {
    OUTBOXD_CHECK(record->offset >= end && record->end > record->offset);
    OUTBOXD_CHECK(record->end <= size);
    end = record->end;
    append_wal_record(rewritten, record->batch);
    ++records;
  }
  WalScanner again(rewritten, WalPayload::kOpaque);
  while (const auto record = again.next()) {
    OUTBOXD_CHECK(!record->after_damage && records-- > 0);
  }
  OUTBOXD_CHECK(records == 0 && !again.trailing_damage());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  check(WalScanner(file, WalPayload::kBatches), size);
  check(WalScanner(file, WalPayload::kOpaque), size);
  // With a mark and numbers: the first bytes of the input stand for what is known.
  const WalContext context{
      .mark = file.substr(0, 4), .next_sequence = size, .end_sequence = 1U << 20};
  check(WalScanner(file, context), size);
  return 0;
}

}  // namespace outboxd::storage
