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
inline constexpr std::size_t kBatchHeaderBytes = 12;

// What the records of a file are. The MANIFEST is a file of the same format, whose records are
// version edits.
enum class WalPayload : std::uint8_t { kBatches, kOpaque };

// What is known of a log file from elsewhere.
struct WalContext {
  // The first bytes behind the header of every batch of this store, which nobody else knows; empty
  // when that is not known (logs of earlier releases).
  std::string_view mark;

  // The sequence number of the next operation, or nothing at the beginning of the oldest log.
  std::optional<std::uint64_t> next_sequence;

  // That of the first operation in the next log, where it is known.
  std::optional<std::uint64_t> end_sequence = std::nullopt;
};

// One complete record. `batch` is valid until the next call of WalScanner::next.
struct WalRecord {
  std::uint64_t offset = 0;    // of its first fragment
  std::uint64_t end = 0;       // after its last fragment
  std::uint64_t sequence = 0;  // 0 for opaque records
  std::uint32_t count = 0;     // of operations; each takes one sequence number
  std::uint64_t missing = 0;  // operations between the record before and this one that are not here
  std::string_view batch;
  bool after_damage = false;  // something before it, and after the record before, is damaged
};

// Yields the complete records of one log file, also those that come after damage. A tail of zeros
// is space allocated ahead, not damage.
//
// Behind a broken fragment the next record has to be searched for, and what clients wrote may hold
// bytes that look like one. So only this counts as found:
//   - a fragment at the border of a block: only the log's writer puts one there;
//   - a record that begins with the store's mark, anywhere;
//   - where the records before have no mark: what the length of the broken fragment leads to, when
//     the rest of its header is sound.
// And where records before have a mark, those that are found must have one, too. A record whose
// sequence number goes back, or belongs into a later log, is of another time and counts as damage.
//
// Not thread-safe. `file` and `context.mark` must outlive the scanner.
class WalScanner {
 public:
  explicit WalScanner(std::string_view file, WalPayload payload = WalPayload::kBatches);
  WalScanner(std::string_view file, const WalContext& context);

  // The next complete record, or nothing at the end of the file.
  std::optional<WalRecord> next();

  // After next() returned nothing: where damage that no complete record follows begins.
  [[nodiscard]] std::optional<std::uint64_t> trailing_damage() const { return damage_; }

  // Where the damage before the record just returned began (when its after_damage is true).
  [[nodiscard]] std::uint64_t passed_damage() const { return passed_damage_; }

  // Of the operation that comes after the records returned so far.
  [[nodiscard]] std::optional<std::uint64_t> next_sequence() const { return next_sequence_; }

  // Where the first record of another time was passed over.
  [[nodiscard]] std::optional<std::uint64_t> stale_record() const { return stale_; }

 private:
  struct Fragment {
    std::uint64_t offset = 0;
    std::uint64_t end = 0;
    unsigned type = 0;  // 1 to 4
    std::string_view payload;
  };

  std::optional<Fragment> next_fragment();
  [[nodiscard]] std::optional<Fragment> parse_fragment(std::uint64_t offset) const;
  [[nodiscard]] std::uint64_t search_after(std::uint64_t broken);
  [[nodiscard]] std::optional<std::uint64_t> marked_record_after(std::uint64_t broken,
                                                                 std::uint64_t block_end) const;
  [[nodiscard]] std::optional<std::uint64_t> promised_end(std::uint64_t broken) const;
  std::optional<WalRecord> take_record(std::uint64_t offset, std::uint64_t end,
                                       std::string_view batch);
  bool take_batch(WalRecord& record);
  void note_damage(std::uint64_t offset);
  void drop_partial_record();

  const std::string_view file_;
  const WalPayload payload_;
  const std::string_view mark_;
  const std::uint64_t used_;  // size without the zero tail
  std::uint64_t position_ = 0;
  std::optional<std::uint64_t> partial_;  // offset of a FIRST that waits for its LAST
  std::string assembled_;                 // the payloads since then
  std::optional<std::uint64_t> damage_;   // since the last complete record
  std::uint64_t passed_damage_ = 0;
  std::optional<std::uint64_t> next_sequence_;
  const std::optional<std::uint64_t> end_sequence_;
  std::optional<std::uint64_t> stale_;
  bool has_marked_ = false;    // a record with the mark was returned
  bool has_unmarked_ = false;  // a record with operations and without the mark was returned
  bool by_mark_ = false;       // where the next record begins was found by its mark alone
};

// Appends `batch` as one record to a log file that is being written anew.
void append_wal_record(std::string& file, std::string_view batch);

}  // namespace outboxd::storage
