#include "transport/msgpack/writer.h"

#include <bit>
#include <limits>

#include "domain/check.h"

namespace outboxd::transport {
namespace {

// One format byte and the low `N` bytes of `number`, most significant first, in one append.
template <int N>
void append(std::string& out, std::uint8_t format, std::uint64_t number) {
  char bytes[N + 1];
  bytes[0] = static_cast<char>(format);
  for (int i = 0; i < N; ++i) {
    bytes[i + 1] = static_cast<char>(static_cast<std::uint8_t>(number >> (8 * (N - 1 - i))));
  }
  out.append(bytes, sizeof bytes);
}

void append(std::string& out, std::uint8_t byte) {
  out.push_back(static_cast<char>(byte));
}

}  // namespace

Writer& Writer::nil() {
  append(out_, 0xC0);
  return *this;
}

Writer& Writer::boolean(bool value) {
  append(out_, value ? 0xC3 : 0xC2);
  return *this;
}

Writer& Writer::integer(std::int64_t value) {
  if (value >= 0) return unsigned_integer(static_cast<std::uint64_t>(value));
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= -32) {
    append(out_, static_cast<std::uint8_t>(bits));
  } else if (value >= std::numeric_limits<std::int8_t>::min()) {
    append<1>(out_, 0xD0, bits);
  } else if (value >= std::numeric_limits<std::int16_t>::min()) {
    append<2>(out_, 0xD1, bits);
  } else if (value >= std::numeric_limits<std::int32_t>::min()) {
    append<4>(out_, 0xD2, bits);
  } else {
    append<8>(out_, 0xD3, bits);
  }
  return *this;
}

Writer& Writer::unsigned_integer(std::uint64_t value) {
  if (value < 0x80) {
    append(out_, static_cast<std::uint8_t>(value));
  } else if (value <= 0xFF) {
    append<1>(out_, 0xCC, value);
  } else if (value <= 0xFFFF) {
    append<2>(out_, 0xCD, value);
  } else if (value <= 0xFFFFFFFF) {
    append<4>(out_, 0xCE, value);
  } else {
    append<8>(out_, 0xCF, value);
  }
  return *this;
}

Writer& Writer::floating(double value) {
  append<8>(out_, 0xCB, std::bit_cast<std::uint64_t>(value));
  return *this;
}

Writer& Writer::string(std::string_view value) {
  const std::size_t size = value.size();
  if (size < 32) {
    append(out_, static_cast<std::uint8_t>(0xA0 | size));
  } else if (size <= 0xFF) {
    append<1>(out_, 0xD9, size);
  } else if (size <= 0xFFFF) {
    append<2>(out_, 0xDA, size);
  } else {
    OUTBOXD_CHECK(size <= 0xFFFFFFFF);
    append<4>(out_, 0xDB, size);
  }
  return raw(value);
}

Writer& Writer::binary(std::string_view value) {
  const std::size_t size = value.size();
  if (size <= 0xFF) {
    append<1>(out_, 0xC4, size);
  } else if (size <= 0xFFFF) {
    append<2>(out_, 0xC5, size);
  } else {
    OUTBOXD_CHECK(size <= 0xFFFFFFFF);
    append<4>(out_, 0xC6, size);
  }
  return raw(value);
}

Writer& Writer::array(std::size_t entries) {
  if (entries < 16) {
    append(out_, static_cast<std::uint8_t>(0x90 | entries));
  } else if (entries <= 0xFFFF) {
    append<2>(out_, 0xDC, entries);
  } else {
    OUTBOXD_CHECK(entries <= 0xFFFFFFFF);
    append<4>(out_, 0xDD, entries);
  }
  return *this;
}

Writer& Writer::map(std::size_t entries) {
  if (entries < 16) {
    append(out_, static_cast<std::uint8_t>(0x80 | entries));
  } else if (entries <= 0xFFFF) {
    append<2>(out_, 0xDE, entries);
  } else {
    OUTBOXD_CHECK(entries <= 0xFFFFFFFF);
    append<4>(out_, 0xDF, entries);
  }
  return *this;
}

Writer& Writer::raw(std::string_view encoded) {
  out_.append(encoded);
  return *this;
}

}  // namespace outboxd::transport
