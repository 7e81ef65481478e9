#include "client/import/decimal.h"

#include <algorithm>
#include <cstdint>

namespace outboxd::order_import {
namespace {

using domain::MinorUnits;

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<MinorUnits> append_digit(std::optional<MinorUnits> value, char digit) {
  const auto shifted = value ? domain::checked_multiply(*value, 10) : std::nullopt;
  return shifted ? domain::checked_add(*shifted, digit - '0') : std::nullopt;
}

}  // namespace

std::optional<MinorUnits> parse_decimal(std::string_view text, int minor_digits) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::string_view fraction;
  if (point != std::string_view::npos) {
    fraction = text.substr(point + 1);
    if (fraction.empty()) return std::nullopt;
  }
  if (whole.empty() || !is_digits(whole) || !is_digits(fraction)) return std::nullopt;

  const std::size_t last = fraction.find_last_not_of('0');
  fraction = fraction.substr(0, last == std::string_view::npos ? 0 : last + 1);
  const auto digits = static_cast<std::size_t>(minor_digits);
  if (fraction.size() > digits) return std::nullopt;

  std::optional<MinorUnits> value = 0;
  for (const char digit : whole) value = append_digit(value, digit);
  for (const char digit : fraction) value = append_digit(value, digit);
  for (std::size_t i = fraction.size(); i < digits; ++i) value = append_digit(value, '0');
  if (!value) return std::nullopt;
  return negative ? -*value : *value;
}

}  // namespace outboxd::order_import
