#include "broker/embedded/format.h"

#include "domain/check.h"

namespace outboxd::broker {
namespace {

constexpr char kVersion = 1;

template <typename Number>
char* put_big_endian(char* out, Number number) {
  for (std::size_t i = sizeof(Number); i-- > 0;) {
    *out++ = static_cast<char>(static_cast<unsigned char>(number >> (8 * i)));
  }
  return out;
}

// Takes a number off the front of `bytes`, which must be long enough.
template <typename Number>
Number take_big_endian(std::string_view& bytes) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    number = static_cast<Number>(number << 8) | static_cast<unsigned char>(bytes[i]);
  }
  bytes.remove_prefix(sizeof(Number));
  return number;
}

// Takes the version off the front; false when it is another one or fewer than `rest` bytes follow.
bool take_version(std::string_view& bytes, std::size_t rest) {
  if (bytes.size() < 1 + rest || bytes.front() != kVersion) return false;
  bytes.remove_prefix(1);
  return true;
}

}  // namespace

std::string encode_producer_key(std::string_view name) {
  return kProducerKeyPrefix + std::string(name);
}

std::string encode_producer_record(const ProducerRecord& record) {
  OUTBOXD_CHECK(record.store.size() <= kStoreIdBytes);
  std::array<char, 30> bytes{};
  bytes[0] = kVersion;
  char* out = put_big_endian(&bytes[1], record.id);
  out = put_big_endian(out, record.epoch);
  out = put_big_endian(out, record.last_seq);
  out = put_big_endian(out, record.chain);
  *out = static_cast<char>(record.store.size());
  return std::string(bytes.data(), bytes.size()) + record.store;
}

std::string encode_history_record(std::string_view id) {
  return std::string(1, kVersion) + std::string(id);
}

std::optional<std::string> decode_history_record(std::string_view bytes) {
  if (!take_version(bytes, kStoreIdBytes)) return std::nullopt;
  return std::string(bytes.substr(0, kStoreIdBytes));
}

std::string encode_topic_key(std::string_view name) {
  return kTopicKeyPrefix + std::string(name);
}

std::string encode_topic_record(const TopicRecord& record) {
  std::array<char, 21> bytes{};
  bytes[0] = kVersion;
  char* out = put_big_endian(&bytes[1], record.id);
  out = put_big_endian(out, record.first_offset);
  put_big_endian(out, record.next_offset);
  return {bytes.data(), bytes.size()};
}

std::array<char, kLogKeyBytes> encode_log_key(const LogKey& key) {
  std::array<char, kLogKeyBytes> bytes{};
  put_big_endian(put_big_endian(bytes.data(), key.topic_id), key.offset);
  return bytes;
}

std::array<char, kLogHeaderBytes> encode_log_header(const LogHeader& header) {
  std::array<char, kLogHeaderBytes> bytes{};
  bytes[0] = kVersion;
  put_big_endian(put_big_endian(&bytes[1], header.producer_id), header.seq);
  return bytes;
}

std::optional<ProducerRecord> decode_producer_record(std::string_view bytes) {
  if (!take_version(bytes, 20)) return std::nullopt;
  ProducerRecord record;
  record.id = take_big_endian<std::uint32_t>(bytes);
  record.epoch = take_big_endian<std::uint64_t>(bytes);
  record.last_seq = take_big_endian<domain::Seq>(bytes);
  if (bytes.empty()) return record;  // of the release before
  if (bytes.size() < 9) return std::nullopt;
  record.chain = take_big_endian<std::uint64_t>(bytes);
  const auto store_bytes = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  if (bytes.size() < store_bytes) return std::nullopt;
  record.store = bytes.substr(0, store_bytes);
  return record;
}

std::optional<TopicRecord> decode_topic_record(std::string_view bytes) {
  if (!take_version(bytes, 4)) return std::nullopt;
  TopicRecord record;
  record.id = take_big_endian<std::uint32_t>(bytes);
  if (bytes.size() < 16) return record;
  record.first_offset = take_big_endian<Offset>(bytes);
  record.next_offset = take_big_endian<Offset>(bytes);
  return record;
}

std::optional<LogKey> decode_log_key(std::string_view bytes) {
  if (bytes.size() != kLogKeyBytes) return std::nullopt;
  LogKey key;
  key.topic_id = take_big_endian<std::uint32_t>(bytes);
  key.offset = take_big_endian<Offset>(bytes);
  return key;
}

std::optional<DecodedLogRecord> decode_log_record(std::string_view bytes) {
  if (!take_version(bytes, kLogHeaderBytes - 1)) return std::nullopt;
  DecodedLogRecord record;
  record.header.producer_id = take_big_endian<std::uint32_t>(bytes);
  record.header.seq = take_big_endian<domain::Seq>(bytes);
  record.envelope = bytes;
  return record;
}

}  // namespace outboxd::broker
