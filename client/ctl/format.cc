#include "client/ctl/format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "domain/money.h"

namespace outboxd::ctl {
namespace {

using std::chrono::milliseconds;

std::string one_decimal(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

// "3 min 20 s", or "3 min" when the rest is nothing.
std::string two_units(std::int64_t seconds, std::int64_t big, const char* big_unit,
                      std::int64_t small, const char* small_unit) {
  std::string text = std::to_string(seconds / big) + " " + big_unit;
  const std::int64_t rest = seconds % big / small;
  if (rest > 0) text += " " + std::to_string(rest) + " " + small_unit;
  return text;
}

}  // namespace

std::string format_duration(milliseconds duration) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  if (duration < milliseconds(0)) return "-" + format_duration(-duration);
  const std::int64_t seconds = duration.count() / 1000;
  if (seconds < 10) return one_decimal(static_cast<double>(duration.count()) / 1000) + " s";
  if (seconds < kMinute) return std::to_string(seconds) + " s";
  if (seconds < kHour) return two_units(seconds, kMinute, "min", 1, "s");
  if (seconds < kDay) return two_units(seconds, kHour, "h", kMinute, "min");
  return two_units(seconds, kDay, "d", kHour, "h");
}

std::string format_age(std::string_view rfc3339, std::chrono::system_clock::time_point now) {
  std::tm parts{};
  const std::string text(rfc3339);
  if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return "-";
  const auto then = std::chrono::system_clock::from_time_t(::timegm(&parts));
  // Whole seconds: a clock that is a little behind must not show an age below nothing.
  const auto age = std::chrono::floor<std::chrono::seconds>(now - then);
  return format_duration(std::max<milliseconds>(age, milliseconds(0)));
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  constexpr std::int64_t kLongest = 1'000'000'000;  // of any unit: it cannot overflow
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || number > kLongest) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit == "ms") return milliseconds(number);
  if (unit == "s" || unit.empty()) return milliseconds(number * 1000);
  if (unit == "m" || unit == "min") return milliseconds(number * 60'000);
  return std::nullopt;
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return one_decimal(value) + " " + kUnits[unit];
}

std::string format_count(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

std::string format_money(std::int64_t minor_units, std::string_view currency) {
  const auto known = domain::Currency::parse(currency);
  const auto digits = known ? static_cast<std::size_t>(known->minor_digits()) : 0;
  std::string text = std::to_string(minor_units);
  const std::string sign = minor_units < 0 ? "-" : "";
  text.erase(0, sign.size());
  if (digits > 0) {
    if (text.size() <= digits) text.insert(0, digits + 1 - text.size(), '0');
    text.insert(text.size() - digits, ".");
  }
  return sign + text + (known ? " " : " minor units of ") + std::string(currency);
}

std::string format_value(std::string_view name, const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_integer()) {
    if (name.ends_with("_ms")) return format_duration(milliseconds(value.get<std::int64_t>()));
    if ((name.ends_with("bytes") || name.starts_with("bytes_")) && value.is_number_unsigned()) {
      return format_bytes(value.get<std::uint64_t>());
    }
  }
  if (value.is_array()) {
    std::string list;
    for (const Json& entry : value) {
      if (!list.empty()) list += ", ";
      list += format_value("", entry);
    }
    return list.empty() ? "-" : list;
  }
  return to_line(value);
}

std::string format_member(const Json& map, const std::string& name) {
  if (!map.is_object()) return "-";
  const auto found = map.find(name);
  return found == map.end() ? "-" : format_value(name, *found);
}

std::string to_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace outboxd::ctl
