#include "client/wire.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <utility>

#include <msgpack.hpp>

#include "transport/limits.h"

namespace outboxd::client {
namespace {

// A reply may be as large as all that the daemon keeps for one connection.
constexpr std::size_t kMaxReplyBytes = transport::kMaxIpcUnsentBytes;
// Values that callers stored come back inside a few levels of the reply's own.
constexpr std::size_t kMaxReplyDepth = 2 * transport::kMaxDepth;

struct StringSink {
  std::string& out;
  void write(const char* bytes, std::size_t size) { out.append(bytes, size); }
};
using Packer = msgpack::packer<StringSink>;

bool pack(const Json& value, Packer& packer, std::size_t depth);

bool pack_container(const Json& value, Packer& packer, std::size_t depth) {
  if (depth == transport::kMaxDepth) return false;
  const auto entries = static_cast<std::uint32_t>(value.size());
  if (value.is_array()) {
    packer.pack_array(entries);
    for (const Json& entry : value) {
      if (!pack(entry, packer, depth + 1)) return false;
    }
    return true;
  }
  packer.pack_map(entries);
  for (const auto& [key, entry] : value.items()) {
    packer.pack(key);
    if (!pack(entry, packer, depth + 1)) return false;
  }
  return true;
}

// False when `value` is nested too deeply; the recursion is as deep as the limit at most.
bool pack(const Json& value, Packer& packer, std::size_t depth) {
  switch (value.type()) {
    case Json::value_t::array:
    case Json::value_t::object: return pack_container(value, packer, depth);
    case Json::value_t::boolean: packer.pack(value.get<bool>()); return true;
    case Json::value_t::number_integer: packer.pack(value.get<std::int64_t>()); return true;
    case Json::value_t::number_unsigned: packer.pack(value.get<std::uint64_t>()); return true;
    case Json::value_t::number_float: packer.pack(value.get<double>()); return true;
    case Json::value_t::string: packer.pack(value.get_ref<const std::string&>()); return true;
    case Json::value_t::binary: {
      const auto& bytes = value.get_binary();
      packer.pack_bin(static_cast<std::uint32_t>(bytes.size()));
      packer.pack_bin_body(reinterpret_cast<const char*>(bytes.data()),
                           static_cast<std::uint32_t>(bytes.size()));
      return true;
    }
    case Json::value_t::null:
    case Json::value_t::discarded: packer.pack_nil(); return true;
  }
  return false;
}

Failure local_failure(FailureKind kind, const char* code, std::string message) {
  return Failure{.kind = kind,
                 .code = code,
                 .message = std::move(message),
                 .details = nullptr,
                 .retry = "never"};
}

std::string base64_of(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t taken = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < taken ? static_cast<std::uint8_t>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= taken ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

std::string text_of(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_container(const msgpack::object& object) {
  return object.type == msgpack::type::ARRAY || object.type == msgpack::type::MAP;
}

// The unpacker has bounded the depth already. Inside a key, which becomes a text itself, another
// key that is an array or a map is not shown: a text in a text in a text doubles with every level.
Json to_json(const msgpack::object& object, bool inside_key = false) {
  switch (object.type) {
    case msgpack::type::NIL: return nullptr;
    case msgpack::type::BOOLEAN: return object.via.boolean;
    case msgpack::type::POSITIVE_INTEGER: return object.via.u64;
    case msgpack::type::NEGATIVE_INTEGER: return object.via.i64;
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64: return object.via.f64;
    case msgpack::type::STR: return std::string(object.via.str.ptr, object.via.str.size);
    case msgpack::type::BIN:
      return Json{{"base64", base64_of({object.via.bin.ptr, object.via.bin.size})}};
    case msgpack::type::EXT: return nullptr;  // the limits admit none but the empty one
    case msgpack::type::ARRAY: {
      Json array = Json::array();
      for (std::uint32_t i = 0; i < object.via.array.size; ++i) {
        array.push_back(to_json(object.via.array.ptr[i], inside_key));
      }
      return array;
    }
    case msgpack::type::MAP: {
      // Appended without looking for the key, which would be quadratic.
      Json::object_t map;
      for (std::uint32_t i = 0; i < object.via.map.size; ++i) {
        const msgpack::object_kv& entry = object.via.map.ptr[i];
        const bool hidden = inside_key && is_container(entry.key);
        const Json key = hidden ? Json(nullptr) : to_json(entry.key, true);
        map.Container::emplace_back(key.is_string() ? key.get<std::string>() : text_of(key),
                                    to_json(entry.val, inside_key));
      }
      return map;
    }
  }
  return nullptr;
}

msgpack::unpack_limit reply_limits() {
  return {transport::kMaxArrayEntries,
          transport::kMaxMapEntries,
          kMaxReplyBytes,
          kMaxReplyBytes,
          transport::kMaxExtensionBytes,
          kMaxReplyDepth};
}

}  // namespace

Status encode(const Json& value, std::string& out) {
  const std::size_t start = out.size();
  StringSink sink{out};
  Packer packer(sink);
  const bool shallow = pack(value, packer, 0);
  const std::size_t bytes = out.size() - start;
  if (shallow && bytes <= transport::kMaxIpcMessageBytes) return domain::Nothing{};
  out.resize(start);
  if (!shallow) {
    return local_failure(
        FailureKind::kRefused, "bad_request",
        "the request is nested deeper than " + std::to_string(transport::kMaxDepth) + " levels");
  }
  return local_failure(FailureKind::kRefused, "too_large",
                       "the request takes " + std::to_string(bytes) + " bytes; at most " +
                           std::to_string(transport::kMaxIpcMessageBytes) + " are allowed");
}

struct MessageReader::Parser {
  Parser() : unpacker(nullptr, nullptr, MSGPACK_UNPACKER_INIT_BUFFER_SIZE, reply_limits()) {}
  msgpack::unpacker unpacker;
};

MessageReader::MessageReader() : parser_(std::make_unique<Parser>()) {}
MessageReader::~MessageReader() = default;
MessageReader::MessageReader(MessageReader&&) noexcept = default;
MessageReader& MessageReader::operator=(MessageReader&&) noexcept = default;

void MessageReader::feed(std::string_view bytes) {
  parser_->unpacker.reserve_buffer(bytes.size());
  std::memcpy(parser_->unpacker.buffer(), bytes.data(), bytes.size());
  parser_->unpacker.buffer_consumed(bytes.size());
}

Result<std::optional<Json>> MessageReader::next() {
  try {
    msgpack::object_handle message;
    if (parser_->unpacker.next(message)) return std::optional<Json>(to_json(message.get()));
  } catch (const std::exception& error) {
    return local_failure(FailureKind::kOutcomeUnknown, "bad_reply",
                         std::string("what came back is no reply: ") + error.what());
  }
  if (parser_->unpacker.message_size() > kMaxReplyBytes) {
    return local_failure(FailureKind::kOutcomeUnknown, "bad_reply",
                         "a reply of more than " + std::to_string(kMaxReplyBytes) + " bytes");
  }
  return std::optional<Json>();
}

}  // namespace outboxd::client
