#include "transport/ipc/framing.h"

#include <limits>

#include "domain/text.h"
#include "transport/msgpack/writer.h"

namespace outboxd::transport {
namespace {

constexpr std::uint64_t kRequestType = 0;
constexpr std::uint64_t kResponseType = 1;
constexpr std::uint64_t kNotificationType = 2;

// Fills `method` and `params` in, or says what is wrong with them.
bool read_call(Value method, Value params, Message& message) {
  const auto name = method.as_string();
  if (!name) {
    message.problem = "the method must be a string";
    return false;
  }
  if (params.kind() != Value::Kind::kArray) {
    message.problem = "params must be an array: [ {named arguments} ] or []";
    return false;
  }
  message.method = *name;
  message.params = params;
  return true;
}

// Messages of errors may quote what a client sent; a string that is not UTF-8 would break clients
// that are strict about it.
std::string printable(std::string_view text) {
  std::string copy(text);
  if (domain::is_utf8(copy)) return copy;
  for (char& c : copy) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return copy;
}

}  // namespace

Message read_message(Value root) {
  Message message;
  message.problem =
      "a message must be a request [0, msgid, method, params] or a notification "
      "[2, method, params]";
  if (root.kind() != Value::Kind::kArray || root.size() < 3) return message;
  const auto type = root.at(0).as_unsigned();
  if (type == kNotificationType && root.size() == 3) {
    const bool good = read_call(root.at(1), root.at(2), message);
    message.kind = good ? Message::Kind::kNotification : Message::Kind::kBadNotification;
    return message;
  }
  if (type != kRequestType || root.size() != 4) return message;
  const auto msgid = root.at(1).as_unsigned();
  if (!msgid || *msgid > std::numeric_limits<std::uint32_t>::max()) {
    message.problem = "msgid must be an integer from 0 to 4294967295";
    return message;
  }
  message.msgid = static_cast<std::uint32_t>(*msgid);
  const bool good = read_call(root.at(2), root.at(3), message);
  message.kind = good ? Message::Kind::kRequest : Message::Kind::kBadRequest;
  return message;
}

std::optional<std::uint32_t> salvage_msgid(std::string_view message) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(message[i]); };
  if (message.size() < 3 || byte(0) != 0x94 || byte(1) != kRequestType) return std::nullopt;
  if (byte(2) < 0x80) return byte(2);
  const std::size_t width = byte(2) == 0xCC ? 1 : byte(2) == 0xCD ? 2 : byte(2) == 0xCE ? 4 : 0;
  if (width == 0 || message.size() < 3 + width) return std::nullopt;
  std::uint32_t msgid = 0;
  for (std::size_t i = 0; i < width; ++i) msgid = msgid << 8 | byte(3 + i);
  return msgid;
}

void append_response(std::string& out, std::uint32_t msgid, std::string_view result) {
  Writer(out).array(4).unsigned_integer(kResponseType).unsigned_integer(msgid).nil().raw(result);
}

void append_error(std::string& out, std::uint32_t msgid, const domain::Error& error) {
  append_error(out, msgid, error, domain::default_retry(error.code));
}

void append_error(std::string& out, std::uint32_t msgid, const domain::Error& error,
                  domain::Retry retry) {
  const std::size_t details = (error.argument.empty() ? 0U : 1U) + (error.missing ? 1U : 0U);
  Writer writer(out);
  writer.array(4).unsigned_integer(kResponseType).unsigned_integer(msgid);
  writer.map(details > 0 ? 4 : 3);
  writer.field("code", domain::name_of(error.code));
  writer.field("message", std::string_view(printable(error.message)));
  if (details > 0) writer.key("details").map(details);
  if (!error.argument.empty()) {
    writer.field("argument", std::string_view(printable(error.argument)));
  }
  if (error.missing) writer.field("missing", *error.missing);
  writer.field("retry", domain::name_of(retry));
  writer.nil();
}

void append_notification(std::string& out, std::string_view method, std::string_view params) {
  Writer(out).array(3).unsigned_integer(kNotificationType).string(method).raw(params);
}

}  // namespace outboxd::transport
