#include "daemon/damage_watch.h"

#include <algorithm>

namespace outboxd::daemon {
namespace {

constexpr std::size_t kMaxProblems = 8;

}  // namespace

using domain::MutexLock;

void DamageWatch::note(const domain::Error& error) {
  if (error.code != domain::ErrorCode::kDamaged) return;
  const MutexLock lock(mutex_);
  std::vector<std::string>& problems = damage_.problems;
  if (problems.empty()) damage_.since_ms = clock_.wall_ms();
  const bool is_known =
      std::find(problems.begin(), problems.end(), error.message) != problems.end();
  if (!is_known && problems.size() < kMaxProblems) problems.push_back(error.message);
  is_damaged_.store(true, std::memory_order_release);
}

DamageWatch::Damage DamageWatch::damage() const {
  const MutexLock lock(mutex_);
  return damage_;
}

domain::Status DamageWatch::admit_write() const {
  if (!is_damaged()) return domain::ok_status();
  return domain::Error{domain::ErrorCode::kDamaged,
                       "part of the data cannot be read, so nothing is written: " +
                           damage().problems.front() + " (outboxd --repair)",
                       {}};
}

}  // namespace outboxd::daemon
