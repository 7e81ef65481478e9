// Decimal text as integer money, without a detour through floating point.
#pragma once

#include <optional>
#include <string_view>

#include "domain/money.h"

namespace outboxd::order_import {

// "2.55" with 2 minor digits is 255; "-0.5" is -50. An optional sign, digits, and optionally a
// point with digits. Nothing for other text, for a fraction finer than the minor unit (trailing
// zeros are none), and for what does not fit.
std::optional<domain::MinorUnits> parse_decimal(std::string_view text, int minor_digits);

}  // namespace outboxd::order_import
