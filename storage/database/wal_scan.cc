#include "storage/database/wal_scan.h"

#include <algorithm>
#include <utility>

#include "storage/database/crc32c.h"

namespace outboxd::storage {
namespace {

constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kRecyclableHeaderBytes = 11;
constexpr std::size_t kBatchHeaderBytes = 12;

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

std::optional<WalRecord> WalScanner::next() {
  while (const std::optional<Fragment> fragment = next_fragment()) {
    switch (fragment->type) {
      case kFull:
        drop_partial_record();
        if (auto record = take_record(fragment->end, fragment->payload)) {
          record->offset = fragment->offset;
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
          if (auto record = take_record(fragment->end, assembled_)) {
            record->offset = offset;
            return record;
          }
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
    ++position_;
  }
  return std::nullopt;
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

std::optional<WalRecord> WalScanner::take_record(std::uint64_t end, std::string_view batch) {
  WalRecord record;
  record.end = end;
  record.batch = batch;
  if (payload_ == WalPayload::kBatches) {
    if (batch.size() < kBatchHeaderBytes) {
      note_damage(end - batch.size());
      return std::nullopt;
    }
    record.sequence = little_endian<std::uint64_t>(batch, 0);
    record.count = little_endian<std::uint32_t>(batch, 8);
    // A jump ahead means that records between are missing altogether.
    if (expected_sequence_ && record.sequence > *expected_sequence_) {
      note_damage(end - batch.size());
    }
    expected_sequence_ = record.sequence + record.count;
  }
  record.after_damage = damage_.has_value();
  passed_damage_ = damage_.value_or(0);
  damage_.reset();
  return record;
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
