// Always-on invariant checks: the third tier of error is a bug, and a bug stops the process.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace outboxd::domain {

[[noreturn]] inline void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace outboxd::domain

// Aborts when `condition` is false, in every build type. The process is crash-only: an abort is as
// safe as a power cut, and going on with a broken invariant is not.
#define OUTBOXD_CHECK(condition)      \
  ((condition) ? static_cast<void>(0) \
               : ::outboxd::domain::check_failed(#condition, __FILE__, __LINE__))
