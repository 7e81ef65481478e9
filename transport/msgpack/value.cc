#include "transport/msgpack/value.h"

#include <bit>
#include <exception>
#include <limits>

#include <msgpack.hpp>

#include "domain/check.h"
#include "transport/limits.h"
#include "transport/msgpack/scanner.h"
#include "transport/msgpack/writer.h"

namespace outboxd::transport {
namespace {

const msgpack::object& object_of(const void* object) {
  return *static_cast<const msgpack::object*>(object);
}

void encode(Writer& writer, std::string& out, const msgpack::object& object) {
  switch (object.type) {
    case msgpack::type::NIL: writer.nil(); return;
    case msgpack::type::BOOLEAN: writer.boolean(object.via.boolean); return;
    case msgpack::type::POSITIVE_INTEGER: writer.unsigned_integer(object.via.u64); return;
    case msgpack::type::NEGATIVE_INTEGER: writer.integer(object.via.i64); return;
    case msgpack::type::FLOAT32: {
      // Not Writer::floating: what came with four bytes leaves with four.
      const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(object.via.f64));
      out.push_back(static_cast<char>(0xCA));
      for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bits >> shift));
      return;
    }
    case msgpack::type::FLOAT64: writer.floating(object.via.f64); return;
    case msgpack::type::STR: writer.string({object.via.str.ptr, object.via.str.size}); return;
    case msgpack::type::BIN: writer.binary({object.via.bin.ptr, object.via.bin.size}); return;
    case msgpack::type::ARRAY:
      writer.array(object.via.array.size);
      for (const msgpack::object& entry : object.via.array) encode(writer, out, entry);
      return;
    case msgpack::type::MAP:
      writer.map(object.via.map.size);
      for (const msgpack::object_kv& entry : object.via.map) {
        encode(writer, out, entry.key);
        encode(writer, out, entry.val);
      }
      return;
    case msgpack::type::EXT: break;  // kMaxExtensionBytes lets none through
  }
  OUTBOXD_CHECK(false);
}

domain::Error too_large(std::string message) {
  return domain::Error{domain::ErrorCode::kTooLarge, std::move(message), {}};
}

// Nothing if `bytes` are exactly one well-formed value.
domain::Status check_structure(std::string_view bytes) {
  Scanner scanner(bytes.size());
  switch (scanner.scan(bytes)) {
    case ScanResult::kComplete:
      if (scanner.size() == bytes.size()) return domain::ok_status();
      return domain::bad_request({}, "there are bytes after the MessagePack value");
    case ScanResult::kTooDeep:
      return too_large("arrays and maps may be nested " + std::to_string(kMaxDepth) + " deep");
    case ScanResult::kMalformed:
      return domain::bad_request({}, "the bytes are not MessagePack (0xc1 starts no value)");
    case ScanResult::kTooLarge:  // it claims more than there is
    case ScanResult::kIncomplete: break;
  }
  return domain::bad_request({}, "the MessagePack value is cut off");
}

}  // namespace

Value::Kind Value::kind() const {
  if (object_ == nullptr) return Kind::kNil;
  switch (object_of(object_).type) {
    case msgpack::type::NIL: return Kind::kNil;
    case msgpack::type::BOOLEAN: return Kind::kBoolean;
    case msgpack::type::POSITIVE_INTEGER:
    case msgpack::type::NEGATIVE_INTEGER: return Kind::kInteger;
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64: return Kind::kFloat;
    case msgpack::type::STR: return Kind::kString;
    case msgpack::type::BIN: return Kind::kBinary;
    case msgpack::type::ARRAY: return Kind::kArray;
    case msgpack::type::MAP: return Kind::kMap;
    case msgpack::type::EXT: return Kind::kExtension;
  }
  OUTBOXD_CHECK(false);
}

std::optional<bool> Value::as_boolean() const {
  if (kind() != Kind::kBoolean) return std::nullopt;
  return object_of(object_).via.boolean;
}

std::optional<std::int64_t> Value::as_integer() const {
  if (kind() != Kind::kInteger) return std::nullopt;
  const msgpack::object& object = object_of(object_);
  if (object.type == msgpack::type::NEGATIVE_INTEGER) return object.via.i64;
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (object.via.u64 > kMax) return std::nullopt;
  return static_cast<std::int64_t>(object.via.u64);
}

std::optional<std::uint64_t> Value::as_unsigned() const {
  if (kind() != Kind::kInteger) return std::nullopt;
  const msgpack::object& object = object_of(object_);
  if (object.type == msgpack::type::NEGATIVE_INTEGER) return std::nullopt;
  return object.via.u64;
}

std::optional<double> Value::as_float() const {
  if (kind() != Kind::kFloat) return std::nullopt;
  return object_of(object_).via.f64;
}

std::optional<std::string_view> Value::as_string() const {
  if (kind() != Kind::kString) return std::nullopt;
  const auto& string = object_of(object_).via.str;
  return std::string_view(string.ptr, string.size);
}

std::optional<std::string_view> Value::as_binary() const {
  if (kind() != Kind::kBinary) return std::nullopt;
  const auto& binary = object_of(object_).via.bin;
  return std::string_view(binary.ptr, binary.size);
}

std::size_t Value::size() const {
  switch (kind()) {
    case Kind::kArray: return object_of(object_).via.array.size;
    case Kind::kMap: return object_of(object_).via.map.size;
    default: return 0;
  }
}

Value Value::at(std::size_t index) const {
  OUTBOXD_CHECK(kind() == Kind::kArray && index < size());
  return Value(object_of(object_).via.array.ptr + index);
}

std::pair<Value, Value> Value::entry(std::size_t index) const {
  OUTBOXD_CHECK(kind() == Kind::kMap && index < size());
  const msgpack::object_kv& entry = object_of(object_).via.map.ptr[index];
  return {Value(&entry.key), Value(&entry.val)};
}

void Value::encode_to(std::string& out) const {
  Writer writer(out);
  if (object_ == nullptr) {
    writer.nil();
  } else {
    encode(writer, out, object_of(object_));
  }
}

std::string_view name_of(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kNil: return "nil";
    case Value::Kind::kBoolean: return "a boolean";
    case Value::Kind::kInteger: return "an integer";
    case Value::Kind::kFloat: return "a float";
    case Value::Kind::kString: return "a string";
    case Value::Kind::kBinary: return "a binary";
    case Value::Kind::kArray: return "an array";
    case Value::Kind::kMap: return "a map";
    case Value::Kind::kExtension: return "an extension type";
  }
  OUTBOXD_CHECK(false);
}

struct Document::Memory {
  msgpack::zone zone;
  msgpack::object root;
};

Document::Document() : memory_(std::make_unique<Memory>()) {}
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

domain::Result<Value> Document::decode(std::string_view bytes) {
  // msgpack-c takes the memory for an array when it meets the header, before it knows whether the
  // entries exist. Behind this check they do, so memory is bounded by the bytes that were sent.
  OUTBOXD_TRY(check_structure(bytes));
  try {
    memory_->zone.clear();
    std::size_t offset = 0;
    bool referenced = false;
    const auto reference_always = [](msgpack::type::object_type, std::size_t, void*) {
      return true;
    };
    const msgpack::unpack_limit limit(kMaxArrayEntries, kMaxMapEntries, bytes.size(), bytes.size(),
                                      kMaxExtensionBytes, kMaxDepth);
    memory_->root = msgpack::unpack(memory_->zone, bytes.data(), bytes.size(), offset, referenced,
                                    reference_always, nullptr, limit);
    OUTBOXD_CHECK(offset == bytes.size());
    return Value(&memory_->root);
  } catch (const msgpack::array_size_overflow&) {
    return too_large("an array may have " + std::to_string(kMaxArrayEntries) + " entries");
  } catch (const msgpack::map_size_overflow&) {
    return too_large("a map may have " + std::to_string(kMaxMapEntries) + " entries");
  } catch (const msgpack::ext_size_overflow&) {
    return domain::bad_request({}, "MessagePack extension types are not supported");
  } catch (const std::exception& error) {
    return domain::bad_request({}, std::string("not decodable: ") + error.what());
  }
}

}  // namespace outboxd::transport
