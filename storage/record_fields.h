// How every record is put into bytes and read back (FORMAT.md, "Notation"). For the codecs of
// storage/ alone: no other folder may see MessagePack through it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <msgpack.hpp>

#include "domain/result.h"

namespace outboxd::storage {

inline constexpr char kRecordVersion = 1;

// Bounds of one record, checked before memory is taken: an order has the most entries, an envelope
// the most bytes.
inline constexpr std::size_t kMaxRecordEntries = 4096;
inline constexpr std::size_t kMaxRecordBytes = std::size_t{4} << 20;
inline constexpr std::size_t kMaxRecordDepth = 4;

// msgpack's packer writes to anything with write().
struct StringSink {
  void write(const char* data, std::size_t size) { out.append(data, size); }
  std::string& out;
};

using Packer = msgpack::packer<StringSink>;

inline void pack_text(Packer& packer, std::string_view text) {
  packer.pack_str(static_cast<std::uint32_t>(text.size()));
  packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}

inline void pack_bytes(Packer& packer, std::string_view bytes) {
  packer.pack_bin(static_cast<std::uint32_t>(bytes.size()));
  packer.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
}

// Runs `pack` on a packer over `out` that starts with the version and an array of `fields`.
template <typename Pack>
void encode_record(std::string& out, std::uint32_t fields, Pack pack) {
  out.assign(1, kRecordVersion);
  StringSink sink{out};
  Packer packer(sink);
  packer.pack_array(fields);
  pack(packer);
}

// What a decoder throws inside decode_record, and nowhere else.
struct BadField {};

// The fields of an array, read in order. Views are into the record.
class Fields {
 public:
  explicit Fields(const msgpack::object& object) {
    if (object.type != msgpack::type::ARRAY) throw BadField{};
    next_ = object.via.array.ptr;
    end_ = next_ + object.via.array.size;
  }

  std::uint64_t number() {
    const msgpack::object& object = take();
    if (object.type != msgpack::type::POSITIVE_INTEGER) throw BadField{};
    return object.via.u64;
  }

  std::int64_t integer() {
    const msgpack::object& object = take();
    if (object.type == msgpack::type::NEGATIVE_INTEGER) return object.via.i64;
    if (object.type != msgpack::type::POSITIVE_INTEGER || object.via.u64 > INT64_MAX) {
      throw BadField{};
    }
    return static_cast<std::int64_t>(object.via.u64);
  }

  std::string_view text() {
    const msgpack::object& object = take();
    if (object.type != msgpack::type::STR) throw BadField{};
    return {object.via.str.ptr, object.via.str.size};
  }

  std::string_view bytes() {
    const msgpack::object& object = take();
    if (object.type != msgpack::type::BIN) throw BadField{};
    return {object.via.bin.ptr, object.via.bin.size};
  }

  // True, and passes over it, if the next field is nil.
  bool nil() {
    if (next_ == end_ || next_->type != msgpack::type::NIL) return false;
    ++next_;
    return true;
  }

  // False where a record of an older version ends.
  [[nodiscard]] bool more() const { return next_ != end_; }

  const msgpack::object& take() {
    if (next_ == end_) throw BadField{};
    return *next_++;
  }

 private:
  const msgpack::object* next_ = nullptr;
  const msgpack::object* end_ = nullptr;
};

inline domain::Error undecodable(std::string_view kind, std::string_view name) {
  return domain::Error{
      .code = domain::ErrorCode::kDamaged,
      .message = fmt::format("{} '{}' cannot be decoded: the database is damaged, or was "
                             "written by a newer version",
                             kind, name)};
}

// Runs `read` on the fields of `bytes`; false when they are not what it expects. Nothing throws out
// of here.
template <typename Read>
bool decode_record(std::string_view bytes, Read read) {
  if (bytes.empty() || bytes.front() != kRecordVersion) return false;
  const auto keep_references = [](msgpack::type::object_type, std::size_t, void*) { return true; };
  const msgpack::unpack_limit limit(kMaxRecordEntries, /*map=*/0, kMaxRecordBytes, kMaxRecordBytes,
                                    /*ext=*/0, kMaxRecordDepth);
  try {
    msgpack::zone zone(512);
    std::size_t offset = 1;
    bool referenced = false;
    const msgpack::object object = msgpack::unpack(zone, bytes.data(), bytes.size(), offset,
                                                   referenced, keep_references, nullptr, limit);
    if (offset != bytes.size()) return false;
    Fields fields(object);
    read(fields);
    return true;
  } catch (const BadField&) {
    return false;
  } catch (const std::exception&) {
    return false;
  }
}

template <typename Id>
Id read_id(std::string_view text) {
  auto id = Id::parse(text);
  if (!id) throw BadField{};
  return std::move(id).value();
}

// Half the range is left, so that adding to an elapsed time cannot overflow.
inline std::int64_t read_elapsed(Fields& fields) {
  const std::int64_t elapsed_ms = fields.integer();
  if (elapsed_ms < 0 || elapsed_ms > INT64_MAX / 2) throw BadField{};
  return elapsed_ms;
}

}  // namespace outboxd::storage
