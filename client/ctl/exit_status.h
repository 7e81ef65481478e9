// How outboxctl ends, for scripts (API.md, "outboxctl").
#pragma once

#include "client/failure.h"

namespace outboxd::ctl {

enum ExitStatus : int {
  kDone = 0,
  kRefused = 1,         // by the daemon, which says why
  kUsage = 2,           // the command line, or a file named on it
  kUnreachable = 3,     // nothing was done
  kOutcomeUnknown = 4,  // or timed out: run the same command again
  kDamaged = 5,         // `status`: the daemon runs, and part of its data cannot be read
};

inline ExitStatus exit_status_of(client::FailureKind kind) {
  switch (kind) {
    case client::FailureKind::kRefused: return kRefused;
    case client::FailureKind::kUnreachable: return kUnreachable;
    case client::FailureKind::kOutcomeUnknown: return kOutcomeUnknown;
  }
  OUTBOXD_CHECK(false);
}

}  // namespace outboxd::ctl
