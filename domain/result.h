// Expected failures travel as values: Result<T> holds either a T or an Error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "domain/check.h"

namespace outboxd::domain {

// The error codes of the local API. Their wire names are given by `name_of`.
enum class ErrorCode : std::uint8_t {
  kBadRequest,
  kUnknownMethod,
  kNotFound,
  kIdConflict,
  kVersionConflict,
  kInsufficientPoints,
  kInvalidState,
  kTokenInvalid,
  kPermissionDenied,
  kStorageFull,
  kOutboxFull,
  kTooLarge,
  kDamaged,
  kShuttingDown,
  kTimeout,
  kInternal,
};

// The name of `code` on the wire, such as "bad_request".
std::string_view name_of(ErrorCode code);

// What the caller should do about an error.
enum class Retry : std::uint8_t {
  kNever,   // fix the request
  kSameId,  // the outcome is unknown: send the same again
  kLater,   // nothing happened, try again
};

std::string_view name_of(Retry retry);

// The advice that goes with `code` unless the error says otherwise.
Retry default_retry(ErrorCode code);

// An expected failure. `message` says what is wrong and what would be right, for a person;
// `argument` names the request's argument at fault ("lines[1].quantity"), or is empty.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string argument;
  std::optional<std::int64_t> missing = std::nullopt;  // points, of an insufficient_points

  friend bool operator==(const Error&, const Error&) = default;
};

inline Error bad_request(std::string argument, std::string message) {
  return Error{ErrorCode::kBadRequest, std::move(message), std::move(argument)};
}

// Stands for the value of a Result that has none.
struct Nothing {
  friend bool operator==(Nothing, Nothing) { return true; }
};

// Either a value or an error: an Error, unless a layer has more to say about its failures. Asking
// for the one that is not there is a bug and aborts.
template <typename T, typename E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    OUTBOXD_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    OUTBOXD_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    OUTBOXD_CHECK(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const E& error() const& {
    OUTBOXD_CHECK(!ok());
    return *std::get_if<1>(&state_);
  }
  E&& error() && {
    OUTBOXD_CHECK(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, E> state_;
};

using Status = Result<Nothing>;

inline Status ok_status() {
  return Nothing{};
}

}  // namespace outboxd::domain

#define OUTBOXD_CONCAT_INNER(a, b) a##b
#define OUTBOXD_CONCAT(a, b) OUTBOXD_CONCAT_INNER(a, b)

// Returns the Error of `expression` from the enclosing function, or goes on.
#define OUTBOXD_TRY(expression)                                    \
  do {                                                             \
    auto outboxd_status = (expression);                            \
    if (!outboxd_status) return std::move(outboxd_status).error(); \
  } while (false)

// Declares `declaration` with the value of `expression`, or returns its Error.
#define OUTBOXD_ASSIGN_OR_RETURN(declaration, expression) \
  OUTBOXD_ASSIGN_OR_RETURN_INNER(OUTBOXD_CONCAT(outboxd_result_, __LINE__), declaration, expression)
#define OUTBOXD_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                           \
  if (!result) return std::move(result).error();                        \
  declaration = std::move(result).value()
