// Which sanitizers the tests were built with: g++ tells by macros, clang by features.
#pragma once

#include <cstddef>
#include <cstdlib>

#if defined(__has_feature)
#define OUTBOXD_HAS_FEATURE(feature) __has_feature(feature)
#else
#define OUTBOXD_HAS_FEATURE(feature) 0
#endif

namespace outboxd::support {

// Freed memory is kept aside and all memory has a shadow, so a bound on memory says little.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kMemoryIsSanitized = true;
#else
inline constexpr bool kMemoryIsSanitized =
    OUTBOXD_HAS_FEATURE(address_sanitizer) || OUTBOXD_HAS_FEATURE(thread_sanitizer);
#endif

// How many cases of a sweep to step over for each that is looked at: `stride` under a sanitizer,
// which makes opening a disk ten times as slow, and none without. `./dev release-check` takes all
// under a sanitizer, too.
inline std::size_t sampled_every(std::size_t stride) {
  return kMemoryIsSanitized && std::getenv("OUTBOXD_WHOLE_SWEEPS") == nullptr ? stride : 1;
}

// Its check of vtables opens a pipe to see whether memory can be read.
inline constexpr bool kChecksNeedDescriptors = OUTBOXD_HAS_FEATURE(undefined_behavior_sanitizer);

}  // namespace outboxd::support

#undef OUTBOXD_HAS_FEATURE
