#include "transport/msgpack/scanner.h"

namespace outboxd::transport {
namespace {

// What a format byte announces. The number behind it (`length_bytes` wide) counts bytes of payload
// or entries; `fixed` is added to it.
struct Format {
  enum class Kind : std::uint8_t { kUndefined, kPayload, kArray, kMap };
  Kind kind = Kind::kUndefined;
  std::uint8_t length_bytes = 0;
  std::uint8_t fixed = 0;
};

constexpr Format format_of(unsigned byte) {
  using enum Format::Kind;
  if (byte <= 0x7F || byte >= 0xE0) return {kPayload, 0, 0};  // small integers
  if (byte <= 0x8F) return {kMap, 0, static_cast<std::uint8_t>(byte & 0x0F)};
  if (byte <= 0x9F) return {kArray, 0, static_cast<std::uint8_t>(byte & 0x0F)};
  if (byte <= 0xBF) return {kPayload, 0, static_cast<std::uint8_t>(byte & 0x1F)};  // short strings
  switch (byte) {
    case 0xC0:                                // nil
    case 0xC2:                                // false
    case 0xC3: return {kPayload, 0, 0};       // true
    case 0xC4:                                // bin 8
    case 0xD9: return {kPayload, 1, 0};       // str 8
    case 0xC5:                                // bin 16
    case 0xDA: return {kPayload, 2, 0};       // str 16
    case 0xC6:                                // bin 32
    case 0xDB: return {kPayload, 4, 0};       // str 32
    case 0xC7: return {kPayload, 1, 1};       // ext 8: the type, then the payload
    case 0xC8: return {kPayload, 2, 1};       // ext 16
    case 0xC9: return {kPayload, 4, 1};       // ext 32
    case 0xCC:                                // uint 8
    case 0xD0: return {kPayload, 0, 1};       // int 8
    case 0xCD:                                // uint 16
    case 0xD1: return {kPayload, 0, 2};       // int 16
    case 0xCA:                                // float 32
    case 0xCE:                                // uint 32
    case 0xD2: return {kPayload, 0, 4};       // int 32
    case 0xCB:                                // float 64
    case 0xCF:                                // uint 64
    case 0xD3: return {kPayload, 0, 8};       // int 64
    case 0xD4: return {kPayload, 0, 1 + 1};   // fixext 1: the type, then the payload
    case 0xD5: return {kPayload, 0, 1 + 2};   // fixext 2
    case 0xD6: return {kPayload, 0, 1 + 4};   // fixext 4
    case 0xD7: return {kPayload, 0, 1 + 8};   // fixext 8
    case 0xD8: return {kPayload, 0, 1 + 16};  // fixext 16
    case 0xDC: return {kArray, 2, 0};
    case 0xDD: return {kArray, 4, 0};
    case 0xDE: return {kMap, 2, 0};
    case 0xDF: return {kMap, 4, 0};
    default: return {};  // 0xC1 is never used
  }
}

constexpr std::array<Format, 256> kFormats = [] {
  std::array<Format, 256> formats{};
  for (unsigned byte = 0; byte < 256; ++byte) formats[byte] = format_of(byte);
  return formats;
}();

std::uint64_t big_endian(const char* bytes, std::size_t count) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < count; ++i) {
    number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
  }
  return number;
}

}  // namespace

ScanResult Scanner::scan(std::string_view bytes) {
  if (failure_ != ScanResult::kIncomplete) return failure_;
  // A copy that stays in registers: what is behind `this` would be loaded again after each byte.
  Progress progress = progress_;
  while (progress.values_to_come > 0 && progress.position < bytes.size()) {
    const Format format = kFormats[static_cast<std::uint8_t>(bytes[progress.position])];
    const std::size_t there = bytes.size() - progress.position;
    if (there <= format.length_bytes) break;  // the header is not complete yet
    const std::uint64_t length =
        format.fixed + big_endian(bytes.data() + progress.position + 1, format.length_bytes);
    progress.position += std::size_t{1} + format.length_bytes;
    --progress.values_to_come;
    switch (format.kind) {
      case Format::Kind::kPayload:
        progress.position += static_cast<std::size_t>(length);
        close_value(progress);
        break;
      case Format::Kind::kArray:
        if (!open(progress, length)) return failure_ = ScanResult::kTooDeep;
        break;
      case Format::Kind::kMap:
        if (!open(progress, 2 * length)) return failure_ = ScanResult::kTooDeep;
        break;
      case Format::Kind::kUndefined: return failure_ = ScanResult::kMalformed;
    }
    if (progress.position + progress.values_to_come > max_bytes_) {
      return failure_ = ScanResult::kTooLarge;
    }
  }
  progress_ = progress;
  const bool complete = progress.values_to_come == 0 && progress.position <= bytes.size();
  return complete ? ScanResult::kComplete : ScanResult::kIncomplete;
}

// False when there are too many open already.
bool Scanner::open(Progress& progress, std::uint64_t entries) {
  if (progress.depth == kMaxDepth) return false;
  if (entries == 0) {
    close_value(progress);
    return true;
  }
  progress.values_to_come += entries;
  entries_to_come_[progress.depth++] = entries;
  return true;
}

// A value ended; with it end all containers whose last entry it was.
void Scanner::close_value(Progress& progress) {
  while (progress.depth > 0 && --entries_to_come_[progress.depth - 1] == 0) --progress.depth;
}

void Scanner::reset() {
  progress_ = {};
  failure_ = ScanResult::kIncomplete;
}

}  // namespace outboxd::transport
