// Integer money: minor units of an ISO 4217 currency.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/result.h"

namespace outboxd::domain {

// A currency that ISO 4217 lists. The only way to one is `parse`.
class Currency {
 public:
  // `code` is the alphabetic code in capitals, such as "GBP".
  static Result<Currency> parse(std::string_view code);

  [[nodiscard]] std::string_view code() const { return {code_.data(), code_.size()}; }

  // Digits after the decimal point of the currency's major unit (GBP 2, JPY 0, KWD 3).
  [[nodiscard]] int minor_digits() const;

  friend bool operator==(const Currency&, const Currency&) = default;

 private:
  explicit Currency(std::string_view code) : code_{code[0], code[1], code[2]} {}

  std::array<char, 3> code_;
};

// Minor units of some currency (pence, cents). The currency stands beside it in the entity.
using MinorUnits = std::int64_t;

// a + b, or nothing when the sum does not fit.
std::optional<MinorUnits> checked_add(MinorUnits a, MinorUnits b);

// a * b, or nothing when the product does not fit.
std::optional<MinorUnits> checked_multiply(MinorUnits a, std::int64_t b);

}  // namespace outboxd::domain
