// Whose events these are: a producer, in one of its lives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "domain/ids.h"

namespace outboxd::domain {

// A store that cannot go on with the numbers of its producer (it was restored from an older copy,
// or stands in for a lost box) begins a new life of it: the same name, and sequence numbers that
// mean other events. (producer, life, seq) identifies an event for ever (G13).
//
// Where events travel or are kept, both stand in one name: `till` in life 0, `till:life-1` in
// life 1. So whatever tells events apart by name and number (positions, marks, groups) tells lives
// apart as well, in releases that know of no lives, too.
struct Origin {
  std::string_view producer;
  std::uint64_t life = 0;
};

// What `name` says. The view points into `name`.
Origin split_origin(std::string_view name);

// The name of `producer` in `life`. Nothing when it would be longer than an identifier may be.
std::optional<std::string> origin_name(std::string_view producer, std::uint64_t life);

// True if `name` may be a producer's: an identifier that does not look like a later life of
// another.
bool is_producer_name(std::string_view name);

}  // namespace outboxd::domain
