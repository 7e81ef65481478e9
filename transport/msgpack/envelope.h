// The event as it travels: encoded once, when it is committed, and carried unchanged to every
// consumer.
//
//   envelope := version:u8(1) body
//   body     := array [ time_ms:int, topic:str, key:str, type:str, datacontenttype:str,
//                       ttl_ms:int|nil, traceparent:str|nil, data:bin ]
//
// Fields are only ever appended. `source` and `seq`, which identify the event, stand beside the
// envelope wherever it goes; its CloudEvents `id` is the decimal `seq`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/clock.h"
#include "domain/ids.h"
#include "domain/result.h"
#include "transport/msgpack/value.h"
#include "transport/msgpack/writer.h"

namespace outboxd::transport {

inline constexpr std::string_view kMessagePackContentType = "application/vnd.msgpack";

// An envelope's contents. Views into the bytes that were decoded, or of what is to be encoded.
struct Envelope {
  domain::TimestampMs time_ms = 0;
  std::string_view topic;
  std::string_view key;
  std::string_view type;
  std::string_view datacontenttype = kMessagePackContentType;
  std::optional<std::int64_t> ttl_ms;
  std::string_view traceparent;  // empty: none
  std::string_view data;
};

// Encodes within the limits of transport/limits.h. Errors: bad_request for a topic, type or key
// that is no identifier, too_large for data beyond kMaxEventDataBytes; the argument names the
// field.
domain::Result<std::string> encode_envelope(const Envelope& envelope);

// Decodes `bytes`; the views of the result point into them. `document` is scratch memory. Error:
// bad_request.
domain::Result<Envelope> decode_envelope(std::string_view bytes, Document& document);

// Appends the event as the local API shows it: a map with the CloudEvents attributes (`id`,
// `source`, `type`, `subject`, `time`, `datacontenttype`, `data`), `topic`, `seq`, and `ttl_ms` and
// `traceparent` where they were given, and `offset`, its place in a broker's topic, where there is
// one. MessagePack data is embedded as a value, other data as a
// binary.
void write_event(Writer& writer, std::string_view producer, domain::Seq seq,
                 const Envelope& envelope, std::optional<std::uint64_t> offset = std::nullopt);

}  // namespace outboxd::transport
