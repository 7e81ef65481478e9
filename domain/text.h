// Free text from callers: bounded and valid UTF-8, so that it can be shown and sent anywhere.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "domain/result.h"

namespace outboxd::domain {

// True if `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

// bad_request for `argument` unless `text` is valid UTF-8 of `min_bytes` to `max_bytes` bytes.
Status check_text(std::string_view text, const std::string& argument, std::size_t min_bytes,
                  std::size_t max_bytes);

// `text` as text to keep, whoever it came from: bytes that are not UTF-8 become '?', and it ends
// with a whole character within `max_bytes`.
std::string cut_text(std::string_view text, std::size_t max_bytes);

// Levenshtein distance in bytes: how many must be inserted, removed or replaced to make `a` of `b`.
// Takes the product of both lengths; for "did you mean" on names whose length is bounded.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace outboxd::domain
