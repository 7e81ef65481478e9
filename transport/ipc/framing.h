// MessagePack-RPC: what the messages look like.
//
//   request      := array [ 0, msgid:uint32, method:str, params:array ]
//   response     := array [ 1, msgid:uint32, error:nil|map, result ]
//   notification := array [ 2, method:str, params:array ]
//   error        := map { code:str, message:str, details?, retry:str }
//   details      := map { argument?:str, missing?:int }
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/result.h"
#include "transport/msgpack/value.h"

namespace outboxd::transport {

// A message from a client, and what is to be done with it.
struct Message {
  enum class Kind : std::uint8_t {
    kRequest,
    kNotification,
    kBadRequest,       // has a msgid to answer to, but `problem`
    kBadNotification,  // has a `problem`, and there is nobody to tell
    kBroken,           // no message of MessagePack-RPC that a client may send: `problem`
  };

  Kind kind = Kind::kBroken;
  std::uint32_t msgid = 0;
  std::string_view method;
  Value params;
  const char* problem = "";
};

Message read_message(Value root);

// The msgid of a request of which maybe only the first bytes are readable.
std::optional<std::uint32_t> salvage_msgid(std::string_view message);

// Each appends one whole message. `result` and `params` are encoded already.
void append_response(std::string& out, std::uint32_t msgid, std::string_view result);
void append_error(std::string& out, std::uint32_t msgid, const domain::Error& error);
void append_error(std::string& out, std::uint32_t msgid, const domain::Error& error,
                  domain::Retry retry);
void append_notification(std::string& out, std::string_view method, std::string_view params);

}  // namespace outboxd::transport
