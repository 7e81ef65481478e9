// Times for people and programs: RFC 3339, UTC, milliseconds.
#pragma once

#include <string>

#include "domain/clock.h"

namespace outboxd::domain {

// "2010-12-01T08:26:00.000Z". Years outside 0000 to 9999 are clamped to the nearest time that the
// format can say.
std::string rfc3339(TimestampMs time_ms);

}  // namespace outboxd::domain
