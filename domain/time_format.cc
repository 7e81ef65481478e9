#include "domain/time_format.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace outboxd::domain {

std::string rfc3339(TimestampMs time_ms) {
  constexpr TimestampMs kYear0000 = -62'167'219'200'000;
  constexpr TimestampMs kEndOfYear9999 = 253'402'300'799'999;
  const std::chrono::sys_time<std::chrono::milliseconds> time{
      std::chrono::milliseconds{std::clamp(time_ms, kYear0000, kEndOfYear9999)}};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  char text[64];
  const int length = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return std::string(text, static_cast<std::size_t>(length));
}

}  // namespace outboxd::domain
