#include "daemon/ballast.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace outboxd::daemon {
namespace {

domain::Error system_error(const std::string& what, const std::string& path, int code) {
  return domain::Error{
      code == ENOSPC ? domain::ErrorCode::kStorageFull : domain::ErrorCode::kInternal,
      what + " " + path + ": " + std::strerror(code),
      {}};
}

}  // namespace

domain::Status Ballast::restore() const {
  struct stat info {};
  if (::stat(path_.c_str(), &info) == 0 && info.st_size >= kBytes) return domain::ok_status();
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return system_error("cannot create", path_, errno);
  const int failure = ::posix_fallocate(fd, 0, kBytes);
  ::close(fd);
  if (failure == 0) return domain::ok_status();
  ::unlink(path_.c_str());
  return system_error("cannot allocate", path_, failure);
}

domain::Status Ballast::release() const {
  if (::unlink(path_.c_str()) == 0 || errno == ENOENT) return domain::ok_status();
  return system_error("cannot remove", path_, errno);
}

}  // namespace outboxd::daemon
