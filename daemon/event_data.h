// The data of an event from elsewhere, read with errors that name the field.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "domain/result.h"
#include "transport/msgpack/value.h"

namespace outboxd::daemon {

// A map of an event's data. Unlike a request's arguments it may hold fields that are not known
// here: a newer producer adds some. Every error is a bad_request that can stand as the reason of a
// dead letter. What it returns points into the bytes that were decoded.
class EventData {
 public:
  // `bytes` must outlive what is read from it.
  domain::Status decode(std::string_view bytes);

  [[nodiscard]] domain::Result<std::string_view> string(std::string_view name) const;
  [[nodiscard]] domain::Result<std::string_view> optional_string(std::string_view name) const;
  [[nodiscard]] domain::Result<std::int64_t> integer(std::string_view name) const;

  template <typename Id>
  [[nodiscard]] domain::Result<Id> id(std::string_view name) const {
    OUTBOXD_ASSIGN_OR_RETURN(const std::string_view text, string(name));
    return Id::parse(text, "the event's data." + std::string(name));
  }

 private:
  [[nodiscard]] transport::Value find(std::string_view name) const;

  transport::Document document_;
  transport::Value map_;
};

}  // namespace outboxd::daemon
