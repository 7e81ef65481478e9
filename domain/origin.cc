#include "domain/origin.h"

#include <charconv>
#include <system_error>

namespace outboxd::domain {
namespace {

constexpr std::string_view kLife = ":life-";

}  // namespace

Origin split_origin(std::string_view name) {
  const std::size_t place = name.rfind(kLife);
  if (place == std::string_view::npos || place == 0) return {name, 0};
  const std::string_view digits = name.substr(place + kLife.size());
  std::uint64_t life = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), life);
  const bool is_number = error == std::errc() && end == digits.data() + digits.size();
  // A leading zero would give one life two names.
  if (!is_number || life == 0 || digits.front() == '0') return {name, 0};
  return {name.substr(0, place), life};
}

std::optional<std::string> origin_name(std::string_view producer, std::uint64_t life) {
  if (life == 0) return std::string(producer);
  std::string name(producer);
  name.append(kLife).append(std::to_string(life));
  if (name.size() > kMaxIdLength) return std::nullopt;
  return name;
}

bool is_producer_name(std::string_view name) {
  return is_valid_id(name) && split_origin(name).life == 0;
}

}  // namespace outboxd::domain
