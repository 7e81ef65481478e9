#include "daemon/event_data.h"

namespace outboxd::daemon {
namespace {

using domain::Result;
using transport::Value;

domain::Error wrong(std::string_view name, std::string_view wanted, Value found) {
  const std::string argument = "data." + std::string(name);
  return domain::bad_request(
      argument, "the event's " + argument +
                    (found.is_nil() ? " is missing"
                                    : " must be " + std::string(wanted) + ", not " +
                                          std::string(transport::name_of(found.kind()))));
}

}  // namespace

domain::Status EventData::decode(std::string_view bytes) {
  const Result<Value> decoded = document_.decode(bytes);
  if (!decoded) {
    return domain::bad_request("data",
                               "the event's data cannot be read: " + decoded.error().message);
  }
  if (decoded->kind() != Value::Kind::kMap) {
    return domain::bad_request("data", "the event's data must be a map, not " +
                                           std::string(transport::name_of(decoded->kind())));
  }
  map_ = *decoded;
  return domain::ok_status();
}

Result<std::string_view> EventData::string(std::string_view name) const {
  const Value value = find(name);
  const auto text = value.as_string();
  if (!text) return wrong(name, "a string", value);
  return *text;
}

Result<std::string_view> EventData::optional_string(std::string_view name) const {
  if (find(name).is_nil()) return std::string_view();
  return string(name);
}

Result<std::int64_t> EventData::integer(std::string_view name) const {
  const Value value = find(name);
  const auto number = value.as_integer();
  if (!number) return wrong(name, "an integer of at most 64 bits", value);
  return *number;
}

Value EventData::find(std::string_view name) const {
  for (std::size_t i = 0; i < map_.size(); ++i) {
    const auto [key, value] = map_.entry(i);
    if (key.as_string() == name) return value;
  }
  return {};
}

}  // namespace outboxd::daemon
