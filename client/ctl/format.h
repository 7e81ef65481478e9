// Quantities as people write them, with their units.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/failure.h"

namespace outboxd::ctl {

using client::Json;

// "0.4 s", "12 s", "3 min 20 s", "2 h 5 min", "4 d 6 h".
std::string format_duration(std::chrono::milliseconds duration);

// How long ago `rfc3339` was, as `format_duration` says it; "-" for other text.
std::string format_age(std::string_view rfc3339, std::chrono::system_clock::time_point now);

// "12", "250ms", "2s", "5m": a bare number is seconds. Nothing for other text.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// "512 B", "12.3 KiB", "4.0 GiB".
std::string format_bytes(std::uint64_t bytes);

// "12,345".
std::string format_count(std::uint64_t count);

// "53.40 GBP" for 5340 minor units. A currency that this version does not know is shown in minor
// units.
std::string format_money(std::int64_t minor_units, std::string_view currency);

// A field for people: by its name (`…_ms`, `…bytes`, `bytes_…`) with a unit; lists with commas; "-"
// for null. `name` may be empty.
std::string format_value(std::string_view name, const Json& value);

// The member `name` of `map` as `format_value` shows it, or "-".
std::string format_member(const Json& map, const std::string& name);

// One line of JSON. Text that is not UTF-8 is replaced, so that the line always is JSON.
std::string to_line(const Json& value);

}  // namespace outboxd::ctl
