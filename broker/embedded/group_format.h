// Keys and values of consumer groups and dead letters. broker/FORMAT.md is the grammar; what is
// said in format.h about versions holds here, too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/engine.h"

namespace outboxd::broker {

// In family `meta`.
inline constexpr char kGroupKeyPrefix = 'g';
inline constexpr char kMarkKeyPrefix = 'm';
inline constexpr std::string_view kElapsedKey = "e";
inline constexpr std::string_view kStartsKey = "s";

struct GroupRecord {
  std::uint32_t id = 0;
  Offset cursor = 1;

  friend bool operator==(const GroupRecord&, const GroupRecord&) = default;
};

std::string encode_group_key(const GroupId& group);
std::string encode_group_record(const GroupRecord& record);
std::optional<GroupId> decode_group_key(std::string_view key);
std::optional<GroupRecord> decode_group_record(std::string_view bytes);

// "Every event of the topic below `offset` was there at `elapsed_ms`."
struct TimeMark {
  std::uint32_t topic_id = 0;
  Offset offset = 0;

  friend bool operator==(const TimeMark&, const TimeMark&) = default;
};
std::string encode_mark_key(const TimeMark& mark);
std::optional<TimeMark> decode_mark_key(std::string_view key);
std::string encode_number_record(std::uint64_t number);
std::optional<std::uint64_t> decode_number_record(std::string_view bytes);

// In family `groups`: what belongs to one group, in the order of these kinds.
enum class GroupEntry : char {
  kDeferred = 'd',  // by offset
  kDone = 'm',      // by offset
  kPassed = 'p',    // by producer id
};

// The key of the entry, or of the first one of its kind when `number` is 0.
std::string encode_entry_key(std::uint32_t group_id, GroupEntry kind, std::uint64_t number = 0);

struct EntryKey {
  std::uint32_t group_id = 0;
  GroupEntry kind = GroupEntry::kDeferred;
  std::uint64_t number = 0;
};
std::optional<EntryKey> decode_entry_key(std::string_view key);

// `event.producer` and `event.offset` are not in the value.
std::string encode_deferred(const DeferredEvent& event, std::uint32_t producer_id);

struct DecodedDeferred {
  DeferredEvent event;
  std::uint32_t producer_id = 0;
};
// With `brief`, without history and envelope; `has_envelope` tells whether there is one.
std::optional<DecodedDeferred> decode_deferred(std::string_view bytes, bool brief,
                                               bool* has_envelope = nullptr);

// A dead letter in the log: a log record of version 2, of which an older program sees that it is
// none of its own.
std::string encode_letter(const DeadLetter& letter, std::uint32_t producer_id);

struct DecodedLetter {
  DeadLetter letter;
  std::uint32_t producer_id = 0;
};
// Nothing for a log record that is no letter.
std::optional<DecodedLetter> decode_letter(std::string_view bytes);

}  // namespace outboxd::broker
