// What a client reads from its socket: messages of any server, cut into reads anywhere.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/wire.h"
#include "domain/check.h"

namespace outboxd::client {
namespace {

// The messages of a stream that is fed in two pieces, as text.
std::string read_all(std::string_view bytes, std::size_t cut) {
  MessageReader reader;
  std::string text;
  for (const std::string_view piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    reader.feed(piece);
    for (;;) {
      const auto message = reader.next();
      if (!message) return text + "useless";
      if (!*message) break;
      text += (*message)->dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
      std::string encoded;
      static_cast<void>(encode(**message, encoded).ok());
    }
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  OUTBOXD_CHECK(read_all(input, 0) == read_all(input, size / 2));
  return 0;
}

}  // namespace outboxd::client
