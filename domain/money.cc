#include "domain/money.h"

#include <algorithm>
#include <string>

namespace outboxd::domain {
namespace {

// Active codes of ISO 4217 (list one of 2024-06-25) without funds and metals, sorted for the search
// below.
constexpr std::string_view kCurrencies[] = {
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT",
    "BGN", "BHD", "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD",
    "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD",
    "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ",
    "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD",
    "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR",
    "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR",
    "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN",
    "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR",
    "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB",
    "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS",
    "VES", "VND", "VUV", "WST", "XAF", "XCD", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
};

// The currencies whose minor unit is not a hundredth (same list, column "Minor unit").
constexpr std::string_view kNoMinorUnit[] = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY",
                                             "KMF", "KRW", "PYG", "RWF", "UGX", "VND",
                                             "VUV", "XAF", "XOF", "XPF"};
constexpr std::string_view kThousandths[] = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"};

template <std::size_t kSize>
bool is_listed(const std::string_view (&list)[kSize], std::string_view code) {
  return std::binary_search(std::begin(list), std::end(list), code);
}

}  // namespace

Result<Currency> Currency::parse(std::string_view code) {
  if (!is_listed(kCurrencies, code)) {
    return bad_request("currency", "currency must be an ISO 4217 code such as GBP");
  }
  return Currency(code);
}

int Currency::minor_digits() const {
  if (is_listed(kNoMinorUnit, code())) return 0;
  return is_listed(kThousandths, code()) ? 3 : 2;
}

std::optional<MinorUnits> checked_add(MinorUnits a, MinorUnits b) {
  MinorUnits sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

std::optional<MinorUnits> checked_multiply(MinorUnits a, std::int64_t b) {
  MinorUnits product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

}  // namespace outboxd::domain
