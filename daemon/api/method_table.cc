#include "daemon/api/method_table.h"

#include <utility>

#include "domain/check.h"
#include "domain/text.h"

namespace outboxd::daemon {

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
    const std::size_t distance = domain::edit_distance(name, candidate);
    if (distance < best_distance || (distance == best_distance && candidate < best)) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace outboxd::daemon
