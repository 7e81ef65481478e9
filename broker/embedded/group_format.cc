#include "broker/embedded/group_format.h"

#include <utility>

#include "broker/embedded/bytes.h"

namespace outboxd::broker {
namespace {

constexpr std::uint8_t kGroupRecordVersion = 1;
constexpr std::uint8_t kLetterVersion = 2;  // among log records, whose version 1 is an event

void append_history(std::string& out, const std::vector<Failure>& history) {
  append_big_endian(out, static_cast<std::uint32_t>(history.size()));
  for (const Failure& failure : history) {
    append_big_endian(out, static_cast<std::uint64_t>(failure.elapsed_ms));
    append_text(out, failure.reason);
  }
}

std::vector<Failure> take_history(ByteReader& in) {
  std::vector<Failure> history;
  for (auto left = in.number<std::uint32_t>(); left > 0 && in.ok(); --left) {
    const std::int64_t elapsed_ms = in.signed_number();
    history.push_back({elapsed_ms, std::string(in.text())});
  }
  return history;
}

}  // namespace

std::string encode_group_key(const GroupId& group) {
  std::string key(1, kGroupKeyPrefix);
  key += group.topic;
  key += '\0';
  key += group.group;
  return key;
}

std::optional<GroupId> decode_group_key(std::string_view key) {
  const std::size_t end = key.find('\0');
  if (key.empty() || key.front() != kGroupKeyPrefix || end == std::string_view::npos) {
    return std::nullopt;
  }
  return GroupId{std::string(key.substr(1, end - 1)), std::string(key.substr(end + 1))};
}

std::string encode_group_record(const GroupRecord& record) {
  std::string out(1, static_cast<char>(kGroupRecordVersion));
  append_big_endian(out, record.id);
  append_big_endian(out, record.cursor);
  return out;
}

std::optional<GroupRecord> decode_group_record(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.number<std::uint8_t>() != kGroupRecordVersion) return std::nullopt;
  GroupRecord record;
  record.id = in.number<std::uint32_t>();
  record.cursor = in.number<Offset>();
  return in.ok() ? std::optional(record) : std::nullopt;
}

std::string encode_mark_key(const TimeMark& mark) {
  std::string key(1, kMarkKeyPrefix);
  append_big_endian(key, mark.topic_id);
  append_big_endian(key, mark.offset);
  return key;
}

std::optional<TimeMark> decode_mark_key(std::string_view key) {
  ByteReader in(key);
  if (in.number<std::uint8_t>() != kMarkKeyPrefix) return std::nullopt;
  TimeMark mark;
  mark.topic_id = in.number<std::uint32_t>();
  mark.offset = in.number<Offset>();
  return in.ok() && in.rest().empty() ? std::optional(mark) : std::nullopt;
}

std::string encode_number_record(std::uint64_t number) {
  std::string out(1, static_cast<char>(kGroupRecordVersion));
  append_big_endian(out, number);
  return out;
}

std::optional<std::uint64_t> decode_number_record(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.number<std::uint8_t>() != kGroupRecordVersion) return std::nullopt;
  const auto number = in.number<std::uint64_t>();
  return in.ok() ? std::optional(number) : std::nullopt;
}

std::string encode_entry_key(std::uint32_t group_id, GroupEntry kind, std::uint64_t number) {
  std::string key;
  append_big_endian(key, group_id);
  key.push_back(static_cast<char>(kind));
  append_big_endian(key, number);
  return key;
}

std::optional<EntryKey> decode_entry_key(std::string_view key) {
  ByteReader in(key);
  EntryKey entry;
  entry.group_id = in.number<std::uint32_t>();
  entry.kind = static_cast<GroupEntry>(in.number<std::uint8_t>());
  entry.number = in.number<std::uint64_t>();
  const bool known = entry.kind == GroupEntry::kDeferred || entry.kind == GroupEntry::kDone ||
                     entry.kind == GroupEntry::kPassed;
  return known && in.ok() && in.rest().empty() ? std::optional(entry) : std::nullopt;
}

std::string encode_deferred(const DeferredEvent& event, std::uint32_t producer_id) {
  std::string out(1, static_cast<char>(kGroupRecordVersion));
  append_big_endian(out, producer_id);
  append_big_endian(out, event.seq);
  append_big_endian(out, event.key_hash);
  append_big_endian(out, event.attempts);
  append_big_endian(out, static_cast<std::uint64_t>(event.first_delivered_ms));
  append_big_endian(out, static_cast<std::uint64_t>(event.not_before_ms));
  append_text(out, event.reason);
  append_text(out, event.envelope);
  append_history(out, event.history);
  return out;
}

std::optional<DecodedDeferred> decode_deferred(std::string_view bytes, bool brief,
                                               bool* has_envelope) {
  ByteReader in(bytes);
  if (in.number<std::uint8_t>() != kGroupRecordVersion) return std::nullopt;
  DecodedDeferred decoded;
  DeferredEvent& event = decoded.event;
  decoded.producer_id = in.number<std::uint32_t>();
  event.seq = in.number<domain::Seq>();
  event.key_hash = in.number<std::uint64_t>();
  event.attempts = in.number<std::uint32_t>();
  event.first_delivered_ms = in.signed_number();
  event.not_before_ms = in.signed_number();
  event.reason = in.text();
  const std::string_view envelope = in.text();
  if (has_envelope != nullptr) *has_envelope = !envelope.empty();
  if (!brief) {
    event.envelope = envelope;
    event.history = take_history(in);
  }
  return in.ok() ? std::optional(std::move(decoded)) : std::nullopt;
}

std::string encode_letter(const DeadLetter& letter, std::uint32_t producer_id) {
  std::string out(1, static_cast<char>(kLetterVersion));
  append_big_endian(out, producer_id);
  append_big_endian(out, letter.seq);
  append_big_endian(out, letter.source_offset);
  append_big_endian(out, letter.attempts);
  append_big_endian(out, static_cast<std::uint64_t>(letter.died_elapsed_ms));
  append_big_endian(out, static_cast<std::uint64_t>(letter.died_at_ms));
  append_text(out, letter.reason);
  append_text(out, letter.envelope);
  append_history(out, letter.history);
  return out;
}

std::optional<DecodedLetter> decode_letter(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.number<std::uint8_t>() != kLetterVersion) return std::nullopt;
  DecodedLetter decoded;
  DeadLetter& letter = decoded.letter;
  decoded.producer_id = in.number<std::uint32_t>();
  letter.seq = in.number<domain::Seq>();
  letter.source_offset = in.number<Offset>();
  letter.attempts = in.number<std::uint32_t>();
  letter.died_elapsed_ms = in.signed_number();
  letter.died_at_ms = in.signed_number();
  letter.reason = in.text();
  letter.envelope = in.text();
  letter.history = take_history(in);
  return in.ok() ? std::optional(std::move(decoded)) : std::nullopt;
}

}  // namespace outboxd::broker
