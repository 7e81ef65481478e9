// SHA-256 (FIPS 180-4), for identifiers that are derived from other identifiers.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace outboxd::domain {

// The hash of `text`. Identifiers are chosen by strangers, so a hash whose collisions can be made
// (FNV, xxHash) would let one of them pass for another.
std::array<std::uint8_t, 32> sha256(std::string_view text);

}  // namespace outboxd::domain
