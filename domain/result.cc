#include "domain/result.h"

namespace outboxd::domain {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBadRequest: return "bad_request";
    case ErrorCode::kUnknownMethod: return "unknown_method";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kIdConflict: return "id_conflict";
    case ErrorCode::kVersionConflict: return "version_conflict";
    case ErrorCode::kInsufficientPoints: return "insufficient_points";
    case ErrorCode::kInvalidState: return "invalid_state";
    case ErrorCode::kTokenInvalid: return "token_invalid";
    case ErrorCode::kPermissionDenied: return "permission_denied";
    case ErrorCode::kStorageFull: return "storage_full";
    case ErrorCode::kOutboxFull: return "outbox_full";
    case ErrorCode::kTooLarge: return "too_large";
    case ErrorCode::kDamaged: return "damaged";
    case ErrorCode::kShuttingDown: return "shutting_down";
    case ErrorCode::kTimeout: return "timeout";
    case ErrorCode::kInternal: return "internal";
  }
  OUTBOXD_CHECK(false);
}

std::string_view name_of(Retry retry) {
  switch (retry) {
    case Retry::kNever: return "never";
    case Retry::kSameId: return "same_id";
    case Retry::kLater: return "later";
  }
  OUTBOXD_CHECK(false);
}

Retry default_retry(ErrorCode code) {
  switch (code) {
    case ErrorCode::kStorageFull:
    case ErrorCode::kOutboxFull:
    case ErrorCode::kDamaged:
    case ErrorCode::kShuttingDown:
    case ErrorCode::kTimeout: return Retry::kLater;
    case ErrorCode::kInternal: return Retry::kSameId;
    default: return Retry::kNever;
  }
}

}  // namespace outboxd::domain
