// The column families of the store and the keys in them (FORMAT.md). Numbers are big-endian, so
// that their order is RocksDB's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/ids.h"

namespace outboxd::storage {

// In the order in which Database knows them. Never reordered.
enum class Family : std::size_t { kMeta, kState, kOutbox, kRequests, kInbox, kDead };

inline constexpr std::size_t kFamilies = 6;
inline constexpr std::array<const char*, kFamilies> kFamilyNames = {"meta",     "state", "outbox",
                                                                    "requests", "inbox", "dead"};

// Keys of `meta`.
inline constexpr std::string_view kHeadKey = "head";
inline constexpr std::string_view kCompletedKey = "completed";
inline constexpr std::string_view kCompleteAboveKey = "completed_above";
inline constexpr std::string_view kEpochKey = "epoch";
inline constexpr std::string_view kProducerKey = "producer";
inline constexpr std::string_view kStoreKey = "store";
inline constexpr std::string_view kLifeKey = "life";
inline constexpr std::string_view kLifeBaseKey = "life_base";
inline constexpr std::string_view kHistoryKey = "history";
inline constexpr std::string_view kDecisionsKey = "decisions";

// First byte of the keys of `state`: whose key it is.
inline constexpr char kOrderPrefix = 'o';
inline constexpr char kPaymentPrefix = 'p';
inline constexpr char kApplicationPrefix = 'k';
inline constexpr char kWalletPrefix = 'w';
inline constexpr char kDepositPrefix = 'd';
inline constexpr char kDeductionPrefix = 'x';
inline constexpr char kReservationPrefix = 'r';
inline constexpr char kClaimPrefix = 'i';
inline constexpr char kHoldPrefix = 'h';

// The key of `outbox` and `dead`: seq:u64be.
class SeqKey {
 public:
  explicit SeqKey(domain::Seq seq) {
    for (std::size_t i = bytes_.size(); i-- > 0; seq >>= 8) bytes_[i] = static_cast<char>(seq);
  }

  [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::array<char, 8> bytes_{};
};

// The number in a key of `outbox` or `dead`, or 0 when `key` is none.
inline domain::Seq seq_of_key(std::string_view key) {
  if (key.size() != 8) return 0;
  domain::Seq seq = 0;
  for (const char byte : key) seq = seq << 8 | static_cast<unsigned char>(byte);
  return seq;
}

// A key of `inbox`: group 0x00 producer 0x00 seq:u64be. Neither name has a 0x00.
inline std::string inbox_key(std::string_view group, std::string_view producer, domain::Seq seq) {
  std::string key;
  key.reserve(group.size() + producer.size() + 10);
  key.append(group).push_back('\0');
  key.append(producer).push_back('\0');
  key.append(SeqKey(seq).view());
  return key;
}

// A key of `state`.
inline std::string state_key(char prefix, std::string_view name) {
  std::string key;
  key.reserve(name.size() + 1);
  key.push_back(prefix);
  key.append(name);
  return key;
}

// The key of `state` for a live hold: 'h' expires_elapsed_ms:u64be reservation_id. So the first to
// end comes first.
inline std::string hold_key(std::int64_t expires_elapsed_ms, std::string_view reservation_id) {
  std::string key =
      state_key(kHoldPrefix, SeqKey(static_cast<std::uint64_t>(expires_elapsed_ms)).view());
  key.append(reservation_id);
  return key;
}

}  // namespace outboxd::storage
