// Encodes MessagePack into a string, piece by piece.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace outboxd::transport {

// Appends to the string it was given, which must outlive it. The caller sees to it that an array or
// map of n gets exactly n entries. Not thread-safe.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& nil();
  Writer& boolean(bool value);
  Writer& integer(std::int64_t value);
  Writer& unsigned_integer(std::uint64_t value);
  Writer& floating(double value);
  Writer& string(std::string_view value);
  Writer& binary(std::string_view value);
  Writer& array(std::size_t entries);
  Writer& map(std::size_t entries);
  // `encoded` is one value that is MessagePack already.
  Writer& raw(std::string_view encoded);

  // A map's key and its value.
  Writer& field(std::string_view key, std::string_view value) { return string(key).string(value); }
  Writer& field(std::string_view key, const char* value) { return string(key).string(value); }
  Writer& field(std::string_view key, std::int64_t value) { return string(key).integer(value); }
  Writer& field(std::string_view key, std::uint64_t value) {
    return string(key).unsigned_integer(value);
  }
  Writer& field(std::string_view key, bool value) { return string(key).boolean(value); }
  Writer& key(std::string_view key) { return string(key); }

 private:
  std::string& out_;
};

}  // namespace outboxd::transport
