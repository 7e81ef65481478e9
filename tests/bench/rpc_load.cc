#include "tests/bench/rpc_load.h"

#include <cstddef>
#include <sstream>
#include <utility>

#include <msgpack.hpp>

#include "tests/bench/errors.h"

namespace outboxd::bench {
namespace {

constexpr unsigned char kNil = 0xc0;
constexpr unsigned char kArrayOfFour = 0x94;
constexpr unsigned char kResponse = 0x01;
// [0, msgid as uint32, ...: the msgid is patched here, always in five bytes.
constexpr std::size_t kMsgidOffset = 3;

std::uint32_t big_endian(const unsigned char* bytes, std::size_t count) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < count; ++i) number = (number << 8) | bytes[i];
  return number;
}

// How a MessagePack value goes on behind its first byte.
struct Shape {
  std::uint8_t length_bytes;  // of the length or count that follows
  std::uint8_t fixed_bytes;   // payload besides what the length says
  std::uint8_t values_each;   // per unit of the length: 0 for bytes, 1 array, 2 map
};

Shape shape_of(unsigned char first) {
  switch (first) {
    case 0xc4:
    case 0xd9: return {1, 0, 0};
    case 0xc5:
    case 0xda: return {2, 0, 0};
    case 0xc6:
    case 0xdb: return {4, 0, 0};
    case 0xc7: return {1, 1, 0};
    case 0xc8: return {2, 1, 0};
    case 0xc9: return {4, 1, 0};
    case 0xcc:
    case 0xd0: return {0, 1, 0};
    case 0xcd:
    case 0xd1:
    case 0xd4: return {0, 2, 0};
    case 0xd5: return {0, 3, 0};
    case 0xca:
    case 0xce:
    case 0xd2: return {0, 4, 0};
    case 0xd6: return {0, 5, 0};
    case 0xcb:
    case 0xcf:
    case 0xd3: return {0, 8, 0};
    case 0xd7: return {0, 9, 0};
    case 0xd8: return {0, 17, 0};
    case 0xdc: return {2, 0, 1};
    case 0xdd: return {4, 0, 1};
    case 0xde: return {2, 0, 2};
    case 0xdf: return {4, 0, 2};
    default: return {0, 0, 0};  // nil, booleans
  }
}

[[noreturn]] void refuse(const char* begin, const char* end) {
  std::stringstream text;
  const msgpack::object_handle response =
      msgpack::unpack(begin, static_cast<std::size_t>(end - begin));
  text << "outboxd: " << response.get();
  throw BenchError(text.str());
}

}  // namespace

const char* end_of_value(const char* begin, const char* end) {
  const auto* at = reinterpret_cast<const unsigned char*>(begin);
  const auto* const stop = reinterpret_cast<const unsigned char*>(end);
  for (std::uint64_t missing = 1; missing > 0; --missing) {
    if (at >= stop) return nullptr;
    const unsigned char first = *at++;
    std::size_t payload = 0;
    if (first <= 0x7f || first >= 0xe0) continue;  // small integers
    if (first <= 0x8f) {
      missing += 2ULL * (first & 0x0f);
    } else if (first <= 0x9f) {
      missing += first & 0x0f;
    } else if (first <= 0xbf) {
      payload = first & 0x1f;
    } else {
      const Shape shape = shape_of(first);
      if (static_cast<std::size_t>(stop - at) < shape.length_bytes) return nullptr;
      const std::uint32_t length = big_endian(at, shape.length_bytes);
      at += shape.length_bytes;
      payload = shape.fixed_bytes + (shape.values_each == 0 ? length : 0);
      missing += static_cast<std::uint64_t>(shape.values_each) * length;
    }
    if (static_cast<std::size_t>(stop - at) < payload) return nullptr;
    at += payload;
  }
  return reinterpret_cast<const char*>(at);
}

RpcLoad::RpcLoad(std::string request) : request_(std::move(request)) {}

void RpcLoad::append_request(std::uint64_t number, std::string& out) {
  const std::size_t start = out.size();
  request_.append_to(out, number);
  auto msgid = static_cast<std::uint32_t>(number);
  for (std::size_t i = 4; i-- > 0; msgid >>= 8) {
    out[start + kMsgidOffset + i] = static_cast<char>(msgid & 0xff);
  }
}

LoadProtocol::Replies RpcLoad::count_replies(const char* data, std::size_t size) {
  Replies replies{0, 0};
  const char* const end = data + size;
  for (const char* at = data; at < end;) {
    const char* const next = end_of_value(at, end);
    if (next == nullptr) break;
    const auto* bytes = reinterpret_cast<const unsigned char*>(at);
    if (bytes[0] != kArrayOfFour || bytes[1] != kResponse) refuse(at, next);
    const Shape msgid = shape_of(bytes[2]);
    if (bytes[3 + msgid.fixed_bytes] != kNil) refuse(at, next);
    note_reply(at, static_cast<std::size_t>(next - at));
    at = next;
    replies.consumed_bytes = static_cast<std::size_t>(at - data);
    ++replies.count;
  }
  return replies;
}

}  // namespace outboxd::bench
