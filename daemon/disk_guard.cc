#include "daemon/disk_guard.h"

#include <utility>

#include <sys/statvfs.h>

namespace outboxd::daemon {

std::string_view name_of(DiskLevel level) {
  switch (level) {
    case DiskLevel::kOk: return "ok";
    case DiskLevel::kSoft: return "soft";
    case DiskLevel::kHard: return "hard";
  }
  OUTBOXD_CHECK(false);
}

bool DiskGuard::refresh() {
  last_free_bytes_ = free_bytes_();
  DiskLevel level = DiskLevel::kOk;
  if (last_free_bytes_ < limits_.soft_free_bytes) level = DiskLevel::kSoft;
  if (last_free_bytes_ < limits_.hard_free_bytes) level = DiskLevel::kHard;
  return std::exchange(level_, level) != level;
}

domain::Status DiskGuard::admit_write() const {
  if (level_ == DiskLevel::kOk) return domain::ok_status();
  return domain::Error{domain::ErrorCode::kStorageFull,
                       "only " + std::to_string(last_free_bytes_) +
                           " bytes are free on the disk of the data directory; writes need " +
                           std::to_string(limits_.soft_free_bytes) + " (storage.soft_free_bytes)",
                       {}};
}

std::uint64_t free_bytes_at(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace outboxd::daemon
