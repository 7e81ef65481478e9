// Reads RocksDB's write-ahead log on our own, because RocksDB's readers either refuse a torn tail
// or pass over damage without a word (a zeroed page, a broken length in the last block, a short
// file that others follow).
//
// Format (RocksDB "Write Ahead Log File Format"):
//   file     := block* ; blocks of 32 KiB, the last one may be short
//   block    := fragment* trailer ; trailer: fewer than 7 zero bytes
//   fragment := crc32c:u32le-masked length:u16le type:u8 [log_number:u32le] payload[length]
//               crc over type, log_number and payload
//   type     := 1 FULL | 2 FIRST | 3 MIDDLE | 4 LAST | 5..8 the same, with log_number (recycled)
//   record   := payloads of FULL, or of FIRST MIDDLE* LAST: one WriteBatch
//   batch    := sequence:u64le count:u32le operations
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace outboxd::storage {

inline constexpr std::size_t kWalBlockBytes = 32768;

// What the records of a file are. The MANIFEST is a file of the same format, whose records are
// version edits.
enum class WalPayload : std::uint8_t { kBatches, kOpaque };

// One complete record. `batch` is valid until the next call of WalScanner::next.
struct WalRecord {
  std::uint64_t offset = 0;    // of its first fragment
  std::uint64_t end = 0;       // after its last fragment
  std::uint64_t sequence = 0;  // 0 for opaque records
  std::uint32_t count = 0;     // of operations; each takes one sequence number
  std::string_view batch;
  bool after_damage = false;  // something before it, and after the record before, is damaged
};

// Yields the complete records of one log file, also those that come after damage: behind a broken
// fragment it looks for the next one byte by byte, since the length of a broken one cannot be
// trusted. A tail of zeros is space allocated ahead, not damage.
//
// Not thread-safe. `file` must outlive the scanner.
class WalScanner {
 public:
  explicit WalScanner(std::string_view file, WalPayload payload = WalPayload::kBatches);

  // The next complete record, or nothing at the end of the file.
  std::optional<WalRecord> next();

  // After next() returned nothing: where damage that no complete record follows begins.
  [[nodiscard]] std::optional<std::uint64_t> trailing_damage() const { return damage_; }

  // Where the damage before the record just returned began (when its after_damage is true).
  [[nodiscard]] std::uint64_t passed_damage() const { return passed_damage_; }

 private:
  struct Fragment {
    std::uint64_t offset = 0;
    std::uint64_t end = 0;
    unsigned type = 0;  // 1 to 4
    std::string_view payload;
  };

  std::optional<Fragment> next_fragment();
  std::optional<Fragment> parse_fragment(std::uint64_t offset) const;
  std::optional<WalRecord> take_record(std::uint64_t end, std::string_view batch);
  void note_damage(std::uint64_t offset);
  void drop_partial_record();

  const std::string_view file_;
  const WalPayload payload_;
  const std::uint64_t used_;  // size without the zero tail
  std::uint64_t position_ = 0;
  std::optional<std::uint64_t> partial_;  // offset of a FIRST that waits for its LAST
  std::string assembled_;                 // the payloads since then
  std::optional<std::uint64_t> damage_;   // since the last complete record
  std::uint64_t passed_damage_ = 0;
  std::optional<std::uint64_t> expected_sequence_;
};

// Appends `batch` as one record to a log file that is being written anew.
void append_wal_record(std::string& file, std::string_view batch);

}  // namespace outboxd::storage
