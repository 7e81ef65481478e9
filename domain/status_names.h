// How the statuses of an aggregate are called in events, answers and records.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "domain/check.h"

namespace outboxd::domain {

template <typename Status>
struct StatusName {
  Status status;
  std::string_view name;
};

// For clang before 17, which deduces nothing from an aggregate.
template <typename Status>
StatusName(Status, const char*) -> StatusName<Status>;

template <typename Status, std::size_t N>
std::string_view name_in(const std::array<StatusName<Status>, N>& names, Status status) {
  for (const StatusName<Status>& entry : names) {
    if (entry.status == status) return entry.name;
  }
  OUTBOXD_CHECK(false);
}

template <typename Status, std::size_t N>
std::optional<Status> status_in(const std::array<StatusName<Status>, N>& names,
                                std::string_view name) {
  for (const StatusName<Status>& entry : names) {
    if (entry.name == name) return entry.status;
  }
  return std::nullopt;
}

}  // namespace outboxd::domain
