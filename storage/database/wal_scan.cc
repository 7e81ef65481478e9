#include "storage/database/wal_scan.h"

#include <algorithm>
#include <utility>

#include "storage/database/crc32c.h"

namespace outboxd::storage {
namespace {

constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kRecyclableHeaderBytes = 11;
constexpr std::uint64_t kMaxSequence = (std::uint64_t{1} << 56) - 1;

enum FragmentType : unsigned { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4, kLastRecyclable = 8 };

template <typename Number>
Number little_endian(std::string_view bytes, std::size_t offset) {
  Number value = 0;
  for (std::size_t i = sizeof(Number); i-- > 0;) {
    value = static_cast<Number>(value << 8) | static_cast<unsigned char>(bytes[offset + i]);
  }
  return value;
}

// Where the zero tail begins, at the earliest: the last record may end in zeros of its own.
std::uint64_t size_without_zero_tail(std::string_view file) {
  const std::size_t last = file.find_last_not_of('\0');
  return last == std::string_view::npos ? 0 : last + 1;
}

}  // namespace

WalScanner::WalScanner(std::string_view file, WalPayload payload)
    : file_(file), payload_(payload), used_(size_without_zero_tail(file)) {}

WalScanner::WalScanner(std::string_view file, const WalContext& context)
    : file_(file),
      payload_(WalPayload::kBatches),
      mark_(context.mark),
      used_(size_without_zero_tail(file)),
      next_sequence_(context.next_sequence),
      end_sequence_(context.end_sequence) {}

std::optional<WalRecord> WalScanner::next() {
  while (const std::optional<Fragment> fragment = next_fragment()) {
    switch (fragment->type) {
      case kFull:
        drop_partial_record();
        if (auto record = take_record(fragment->offset, fragment->end, fragment->payload)) {
          return record;
        }
        break;
      case kFirst:
        drop_partial_record();
        partial_ = fragment->offset;
        assembled_.assign(fragment->payload);
        break;
      case kMiddle:
      case kLast:
        if (!partial_) {
          note_damage(fragment->offset);  // its start is missing
          break;
        }
        assembled_.append(fragment->payload);
        if (fragment->type == kLast) {
          const std::uint64_t offset = *std::exchange(partial_, std::nullopt);
          if (auto record = take_record(offset, fragment->end, assembled_)) return record;
        }
        break;
      default: break;
    }
  }
  drop_partial_record();
  return std::nullopt;
}

// The next fragment that is whole, noting damage on the way to it.
std::optional<WalScanner::Fragment> WalScanner::next_fragment() {
  while (position_ < used_) {
    const std::uint64_t block_end = (position_ / kWalBlockBytes + 1) * kWalBlockBytes;
    if (block_end - position_ < kHeaderBytes) {
      position_ = block_end;
      continue;
    }
    if (std::optional<Fragment> fragment = parse_fragment(position_)) {
      position_ = fragment->end;
      return fragment;
    }
    note_damage(position_);
    drop_partial_record();
    position_ = search_after(position_);
  }
  return std::nullopt;
}

// Where to go on after the broken fragment at `broken`.
std::uint64_t WalScanner::search_after(std::uint64_t broken) {
  const std::uint64_t block_end = (broken / kWalBlockBytes + 1) * kWalBlockBytes;
  by_mark_ = false;
  if (!has_marked_ && (mark_.empty() || has_unmarked_)) {
    const auto end = promised_end(broken);
    if (end && parse_fragment(*end)) return *end;
  }
  const auto marked = marked_record_after(broken, block_end);
  by_mark_ = marked.has_value();
  return marked.value_or(block_end);
}

std::optional<std::uint64_t> WalScanner::marked_record_after(std::uint64_t broken,
                                                             std::uint64_t block_end) const {
  if (mark_.empty()) return std::nullopt;
  constexpr std::size_t kBefore = kHeaderBytes + kBatchHeaderBytes;
  const std::string_view until_block_end = file_.substr(0, block_end);
  for (std::size_t at = until_block_end.find(mark_, broken + 1 + kBefore);
       at != std::string_view::npos; at = until_block_end.find(mark_, at + 1)) {
    const auto fragment = parse_fragment(at - kBefore);
    if (fragment && (fragment->type == kFull || fragment->type == kFirst)) return at - kBefore;
  }
  // A record that begins so late has its mark behind the border; whether it has will be seen.
  const std::uint64_t late = block_end - kBefore - mark_.size() + 1;
  for (std::uint64_t at = std::max(broken + 1, late); at + kHeaderBytes <= block_end; ++at) {
    const auto fragment = parse_fragment(at);
    if (fragment && fragment->type == kFirst && fragment->end == block_end) return at;
  }
  return std::nullopt;
}

// Where the broken fragment says that it ends. A header that a page border cut has lost its
// checksum or its type, and says nothing.
std::optional<std::uint64_t> WalScanner::promised_end(std::uint64_t broken) const {
  if (broken + kHeaderBytes > file_.size()) return std::nullopt;
  const auto type = static_cast<unsigned char>(file_[broken + 6]);
  if (little_endian<std::uint32_t>(file_, broken) == 0 || type < kFull || type > kLast) {
    return std::nullopt;
  }
  return broken + kHeaderBytes + little_endian<std::uint16_t>(file_, broken + 4);
}

std::optional<WalScanner::Fragment> WalScanner::parse_fragment(std::uint64_t offset) const {
  const std::uint64_t block_end = (offset / kWalBlockBytes + 1) * kWalBlockBytes;
  const std::uint64_t limit = std::min<std::uint64_t>(block_end, file_.size());
  if (offset + kHeaderBytes > limit) return std::nullopt;
  const auto length = little_endian<std::uint16_t>(file_, offset + 4);
  const auto type = static_cast<unsigned char>(file_[offset + 6]);
  if (type < kFull || type > kLastRecyclable) return std::nullopt;
  const bool recyclable = type > kLast;
  const std::size_t header_bytes = recyclable ? kRecyclableHeaderBytes : kHeaderBytes;
  const std::uint64_t end = offset + header_bytes + length;
  if (end > limit) return std::nullopt;
  if (masked_crc32c(file_.substr(offset + 6, end - offset - 6)) !=
      little_endian<std::uint32_t>(file_, offset)) {
    return std::nullopt;
  }
  const unsigned plain_type = recyclable ? type - kLast : type;
  return Fragment{offset, end, plain_type, file_.substr(offset + header_bytes, length)};
}

std::optional<WalRecord> WalScanner::take_record(std::uint64_t offset, std::uint64_t end,
                                                 std::string_view batch) {
  WalRecord record{.offset = offset, .end = end, .batch = batch};
  const bool counts = payload_ == WalPayload::kOpaque || take_batch(record);
  by_mark_ = false;
  if (!counts) {
    note_damage(offset);
    return std::nullopt;
  }
  record.after_damage = damage_.has_value();
  passed_damage_ = damage_.value_or(0);
  damage_.reset();
  return record;
}

// False if the record is not one of this log.
bool WalScanner::take_batch(WalRecord& record) {
  if (record.batch.size() < kBatchHeaderBytes) return false;
  record.sequence = little_endian<std::uint64_t>(record.batch, 0);
  record.count = little_endian<std::uint32_t>(record.batch, 8);
  const bool marked = !mark_.empty() && record.batch.substr(kBatchHeaderBytes).starts_with(mark_);
  const bool was_searched_for = by_mark_ || (damage_ && has_marked_);
  if (was_searched_for && !marked && record.count > 0) return false;
  // RocksDB itself leaves empty records at a recovery; they say nothing about others.
  if (record.count == 0) return !by_mark_;
  if (record.sequence > kMaxSequence) return false;
  if ((next_sequence_ && record.sequence < *next_sequence_) ||
      (end_sequence_ && record.sequence >= *end_sequence_)) {
    if (!stale_) stale_ = record.offset;
    return false;
  }
  if (next_sequence_ && record.sequence > *next_sequence_) {
    record.missing = record.sequence - *next_sequence_;
    note_damage(record.offset);
  }
  next_sequence_ = record.sequence + record.count;
  has_marked_ |= marked;
  has_unmarked_ |= !marked;
  return true;
}

void WalScanner::note_damage(std::uint64_t offset) {
  if (!damage_) damage_ = partial_.value_or(offset);
}

void WalScanner::drop_partial_record() {
  if (!partial_) return;
  note_damage(*partial_);
  partial_.reset();
}

void append_wal_record(std::string& file, std::string_view batch) {
  for (bool first = true; first || !batch.empty(); first = false) {
    std::size_t room = kWalBlockBytes - file.size() % kWalBlockBytes;
    if (room < kHeaderBytes) {
      file.append(room, '\0');
      room = kWalBlockBytes;
    }
    const std::string_view payload = batch.substr(0, room - kHeaderBytes);
    batch.remove_prefix(payload.size());
    const bool last = batch.empty();
    const unsigned type = first ? (last ? kFull : kFirst) : (last ? kLast : kMiddle);
    std::string typed(1, static_cast<char>(type));
    typed.append(payload);
    const std::uint32_t crc = masked_crc32c(typed);
    for (unsigned shift = 0; shift < 32; shift += 8) {
      file.push_back(static_cast<char>(crc >> shift & 0xffU));
    }
    file.push_back(static_cast<char>(payload.size() & 0xffU));
    file.push_back(static_cast<char>(payload.size() >> 8));
    file.append(typed);
  }
}

}  // namespace outboxd::storage
