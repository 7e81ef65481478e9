// Keys and values of the embedded engine. broker/FORMAT.md is the grammar:
//
//   producer_key    := 'p' name
//   producer_record := version:u8(1) id:be32 epoch:be64 last_seq:be64
//   topic_key       := 't' name
//   topic_record    := version:u8(1) id:be32 [first_offset:be64 next_offset:be64]
//   log_key         := topic_id:be32 offset:be64
//   log_record      := version:u8(1) producer_id:be32 seq:be64 envelope
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "broker/engine.h"

namespace outboxd::broker {

inline constexpr char kProducerKeyPrefix = 'p';
inline constexpr char kTopicKeyPrefix = 't';

// The id of the store, under a key of its own: version:u8(1) id, 32 characters.
inline constexpr std::string_view kHistoryKey = "i";
inline constexpr std::size_t kStoreIdBytes = 32;
std::string encode_history_record(std::string_view id);
std::optional<std::string> decode_history_record(std::string_view bytes);

struct ProducerRecord {
  std::uint32_t id = 0;
  std::uint64_t epoch = 0;
  domain::Seq last_seq = 0;
  std::uint64_t chain = 0;  // these two are not in records of the release before
  std::string store = {};

  friend bool operator==(const ProducerRecord&, const ProducerRecord&) = default;
};

// Releases before consumer groups wrote the id only: nothing had been removed then, and the ends
// are found in the log.
struct TopicRecord {
  std::uint32_t id = 0;
  Offset first_offset = 1;
  Offset next_offset = 1;

  friend bool operator==(const TopicRecord&, const TopicRecord&) = default;
};

struct LogKey {
  std::uint32_t topic_id = 0;
  Offset offset = 0;

  friend bool operator==(const LogKey&, const LogKey&) = default;
};

// A log record without its envelope, which follows it unchanged.
struct LogHeader {
  std::uint32_t producer_id = 0;
  domain::Seq seq = 0;

  friend bool operator==(const LogHeader&, const LogHeader&) = default;
};

inline constexpr std::size_t kLogKeyBytes = 12;
inline constexpr std::size_t kLogHeaderBytes = 13;

std::string encode_producer_key(std::string_view name);
std::string encode_producer_record(const ProducerRecord& record);
std::string encode_topic_key(std::string_view name);
std::string encode_topic_record(const TopicRecord& record);
std::array<char, kLogKeyBytes> encode_log_key(const LogKey& key);
std::array<char, kLogHeaderBytes> encode_log_header(const LogHeader& header);

// Nothing: the bytes are no such record, or one of a later version.
std::optional<ProducerRecord> decode_producer_record(std::string_view bytes);
std::optional<TopicRecord> decode_topic_record(std::string_view bytes);
std::optional<LogKey> decode_log_key(std::string_view bytes);

struct DecodedLogRecord {
  LogHeader header;
  std::string_view envelope;  // into the bytes
};
std::optional<DecodedLogRecord> decode_log_record(std::string_view bytes);

}  // namespace outboxd::broker
