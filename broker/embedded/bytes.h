// Fixed-width big-endian numbers and length-prefixed texts, so that byte order is numeric order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace outboxd::broker {

template <typename Number>
void append_big_endian(std::string& out, Number number) {
  for (std::size_t i = sizeof(Number); i-- > 0;) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(number >> (8 * i))));
  }
}

// length:be32 bytes
inline void append_text(std::string& out, std::string_view text) {
  append_big_endian(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

// Takes fields off the front of what it was given. Once one is not there, ok() is false and all
// that follow are 0 or empty.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  template <typename Number>
  Number number() {
    if (bytes_.size() < sizeof(Number)) return fail<Number>();
    Number number = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      number = static_cast<Number>(number << 8) | static_cast<unsigned char>(bytes_[i]);
    }
    bytes_.remove_prefix(sizeof(Number));
    return number;
  }

  std::int64_t signed_number() { return static_cast<std::int64_t>(number<std::uint64_t>()); }

  std::string_view text() {
    const auto size = number<std::uint32_t>();
    if (bytes_.size() < size) return fail<std::string_view>();
    const std::string_view text = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return text;
  }

  // What is left of it.
  [[nodiscard]] std::string_view rest() const { return bytes_; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  template <typename Value>
  Value fail() {
    ok_ = false;
    bytes_ = {};
    return {};
  }

  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace outboxd::broker
