// JSON values as MessagePack and back, within limits; and messages out of a stream of bytes.
//
// Every JSON value has one MessagePack form. The other way, what JSON does not know is shown as
// near as it gets: a binary as {"base64": "…"}, a map's key that is no string as its JSON text.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "client/failure.h"

namespace outboxd::client {

// Appends `value` to `out`. Errors (of kind kRefused; `out` is as before): bad_request when the
// value is nested deeper than transport::kMaxDepth, too_large when it takes more than
// transport::kMaxIpcMessageBytes.
Status encode(const Json& value, std::string& out);

// Takes bytes as they come and gives messages back. Not thread-safe.
class MessageReader {
 public:
  MessageReader();
  ~MessageReader();
  MessageReader(MessageReader&&) noexcept;
  MessageReader& operator=(MessageReader&&) noexcept;

  void feed(std::string_view bytes);

  // The next whole message, or nothing until more is fed. Error: bad_reply when the bytes are no
  // MessagePack, or a message passes a limit on size, depth or count; the stream is useless then.
  Result<std::optional<Json>> next();

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace outboxd::client
