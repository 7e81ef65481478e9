#include "client/failure.h"

namespace outboxd::client {
namespace {

std::string text_in(const Json& map, const char* key, const char* otherwise) {
  const auto found = map.find(key);
  return found != map.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

}  // namespace

std::string Failure::argument() const {
  return details.is_object() ? text_in(details, "argument", "") : "";
}

Failure failure_of_reply(const Json& error) {
  if (!error.is_object()) {
    return Failure{.kind = FailureKind::kRefused,
                   .code = "internal",
                   .message = error.dump(-1, ' ', false, Json::error_handler_t::replace),
                   .details = nullptr,
                   .retry = "never"};
  }
  Failure failure{.kind = FailureKind::kRefused,
                  .code = text_in(error, "code", "internal"),
                  .message = text_in(error, "message", ""),
                  .details = error.contains("details") ? error["details"] : Json(),
                  .retry = text_in(error, "retry", "never")};
  if (failure.retry == "same_id" || failure.code == "timeout") {
    failure.kind = FailureKind::kOutcomeUnknown;
  }
  return failure;
}

}  // namespace outboxd::client
