// MessagePack-RPC from a local client: splitting the stream, decoding, reading the arguments.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/check.h"
#include "transport/ipc/arguments.h"
#include "transport/ipc/framing.h"
#include "transport/limits.h"
#include "transport/msgpack/scanner.h"
#include "transport/msgpack/value.h"

namespace outboxd::transport {
namespace {

// However a stream is cut into reads, the same message is found.
void scan_in_pieces(std::string_view bytes, std::size_t cut) {
  Scanner whole(kMaxIpcMessageBytes);
  const ScanResult at_once = whole.scan(bytes);
  Scanner pieces(kMaxIpcMessageBytes);
  ScanResult piecewise = pieces.scan(bytes.substr(0, cut));
  if (piecewise == ScanResult::kIncomplete) piecewise = pieces.scan(bytes);
  OUTBOXD_CHECK(piecewise == at_once);
  if (at_once == ScanResult::kComplete) {
    OUTBOXD_CHECK(whole.size() == pieces.size() && whole.size() <= bytes.size());
  }
}

// What was decoded, encoded again, is decoded to the same.
void round_trip(Value value) {
  std::string once;
  value.encode_to(once);
  Document document;
  const auto again = document.decode(once);
  OUTBOXD_CHECK(again.ok() && again->kind() == value.kind() && again->size() == value.size());
  std::string twice;
  again->encode_to(twice);
  OUTBOXD_CHECK(once == twice);
}

void read_arguments(Value params) {
  const auto arguments =
      Arguments::of_params(params, {"order_id", "limit", "lines", "tags", "data", "after"});
  if (!arguments) {
    OUTBOXD_CHECK(!arguments.error().message.empty());
    return;
  }
  static_cast<void>(arguments->string("order_id").ok());
  static_cast<void>(arguments->optional_string("after").ok());
  const auto limit = arguments->integer("limit", {.min = 1, .max = 1000});
  if (limit) OUTBOXD_CHECK(*limit >= 1 && *limit <= 1000);
  static_cast<void>(arguments->any("data").ok());
  static_cast<void>(arguments->strings("tags", 16).ok());
  const auto lines = arguments->maps("lines", true, 100, {"sku", "quantity"});
  if (!lines) return;
  for (const Arguments& line : *lines) {
    const auto quantity = line.integer("quantity");
    if (!quantity) OUTBOXD_CHECK(quantity.error().argument.starts_with("lines["));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  scan_in_pieces(input, size / 2);
  scan_in_pieces(input, std::min<std::size_t>(size, 3));
  static_cast<void>(salvage_msgid(input).has_value());

  Document document;
  const auto root = document.decode(input);
  if (!root) return 0;
  round_trip(*root);
  const Message message = read_message(*root);
  if (message.kind == Message::Kind::kRequest || message.kind == Message::Kind::kNotification) {
    read_arguments(message.params);
  }
  return 0;
}

}  // namespace outboxd::transport
