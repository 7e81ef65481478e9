#include "daemon/api/method_table.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "domain/check.h"

namespace outboxd::daemon {
namespace {

// Levenshtein distance; both texts are short (a method's name, and at most twice that).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::string_view name_of(Access access) {
  switch (access) {
    case Access::kRead: return "read";
    case Access::kWrite: return "write";
    case Access::kAdmin: return "admin";
  }
  OUTBOXD_CHECK(false);
}

void MethodTable::add(std::string name, Access access,
                      std::function<domain::Status(const transport::Request&)> run) {
  const bool added = methods_.emplace(std::move(name), Method{access, std::move(run)}).second;
  OUTBOXD_CHECK(added);
}

const Method* MethodTable::find(std::string_view name) const {
  const auto found = methods_.find(name);
  return found == methods_.end() ? nullptr : &found->second;
}

std::string_view MethodTable::nearest(std::string_view name) const {
  constexpr std::size_t kFurthest = 4;  // edits; beyond that a suggestion only confuses
  std::string_view best;
  std::size_t best_distance = kFurthest + 1;
  for (const auto& [candidate, method] : methods_) {
    if (name.size() > candidate.size() + kFurthest) continue;
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance || (distance == best_distance && candidate < best)) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace outboxd::daemon
