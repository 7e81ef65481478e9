// The names that RocksDB gives to its files.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace outboxd::storage {

// The number of a write-ahead log, given its name or path; nothing for other files.
inline std::optional<std::uint64_t> log_number(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc()) return std::nullopt;
  if (std::string_view(end, name.data() + name.size()) != ".log") return std::nullopt;
  return number;
}

}  // namespace outboxd::storage
