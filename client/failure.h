// What can go wrong with a call, told apart by what the caller may do next.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "domain/result.h"

namespace outboxd::client {

// Keeps the order in which the daemon names its fields, which is the order people should see.
using Json = nlohmann::ordered_json;

enum class FailureKind : std::uint8_t {
  kRefused,         // the daemon answered with an error: it did not do it
  kUnreachable,     // nothing was sent: it was not done
  kOutcomeUnknown,  // sent, but no answer came: it may or may not have been done
};

// `code`, `message`, `details` and `retry` are the daemon's words where it refused, and words of
// the same kind where the client found the failure itself (codes "unreachable", "connection_lost",
// "timeout", "bad_reply", "bad_request", "too_large").
struct Failure {
  FailureKind kind = FailureKind::kRefused;
  std::string code;
  std::string message;
  Json details;       // null: none
  std::string retry;  // "never", "same_id" or "later"

  // The request's argument at fault, as `details` names it; empty: none.
  [[nodiscard]] std::string argument() const;
};

// The daemon's error map as a Failure. An answer that says "same_id" or "timeout" leaves the
// outcome open.
Failure failure_of_reply(const Json& error);

template <typename T>
using Result = domain::Result<T, Failure>;
using Status = Result<domain::Nothing>;

}  // namespace outboxd::client
