#include "broker/space_guard.h"

#include <filesystem>
#include <utility>

#include "domain/check.h"

namespace outboxd::broker {

std::string_view name_of(SpaceLevel level) {
  switch (level) {
    case SpaceLevel::kOk: return "ok";
    case SpaceLevel::kSoft: return "soft";
    case SpaceLevel::kHard: return "hard";
  }
  OUTBOXD_CHECK(false);
}

SpaceGuard::SpaceGuard(SpaceLimits limits, std::function<std::uint64_t()> free_bytes)
    : limits_(limits), free_bytes_(std::move(free_bytes)) {
  refresh();
}

bool SpaceGuard::refresh() {
  const std::uint64_t free_bytes = free_bytes_();
  SpaceLevel level = SpaceLevel::kOk;
  if (free_bytes < limits_.soft_free_bytes) level = SpaceLevel::kSoft;
  if (free_bytes < limits_.hard_free_bytes) level = SpaceLevel::kHard;
  last_free_bytes_ = free_bytes;
  return level_.exchange(level) != level;
}

std::uint64_t free_bytes_at(const std::string& path) {
  std::error_code error;
  std::filesystem::path directory = std::filesystem::absolute(path, error);
  while (!std::filesystem::exists(directory, error) && directory.has_relative_path()) {
    directory = directory.parent_path();
  }
  const auto space = std::filesystem::space(directory, error);
  return error ? 0 : space.available;
}

}  // namespace outboxd::broker
