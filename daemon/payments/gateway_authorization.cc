#include "daemon/payments/gateway_authorization.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace outboxd::daemon {
namespace {

using domain::Error;
using domain::ErrorCode;
using domain::Result;

Error unusable(const std::string& path, const std::string& why) {
  return Error{ErrorCode::kInternal, "the gateway's authorization " + path + " " + why, {}};
}

Error unreadable(const std::string& path, int code) {
  return unusable(path, std::string("cannot be read: ") + std::strerror(code));
}

class OpenFile {
 public:
  // Not blocking: at a pipe that nobody writes, opening would wait for ever.
  explicit OpenFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

 private:
  const int fd_;
};

bool is_printable(unsigned char c) {
  return c >= 0x20 && c <= 0x7E;
}

// All of the file, up to one byte more than is allowed.
Result<std::string> read_all(int fd, const std::string& path) {
  std::string text(kMaxAuthorizationBytes + 2, '\0');  // + the line's end, + the byte too many
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(path, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

Result<std::string> the_line_in(std::string text, const std::string& path) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.size() > kMaxAuthorizationBytes) {
    return unusable(path, "is longer than " + std::to_string(kMaxAuthorizationBytes) + " bytes");
  }
  if (text.find_first_not_of(' ') == std::string::npos) return unusable(path, "is empty");
  if (!std::all_of(text.begin(), text.end(), is_printable)) {
    return unusable(path, "is not one line of printable ASCII");
  }
  return text;
}

}  // namespace

bool is_authorization_file(std::string_view file) {
  if (file.starts_with('/')) return true;
  return !file.empty() && file != "." && file != ".." && file.find('/') == std::string_view::npos;
}

Result<std::string> read_authorization(const std::string& file,
                                       const std::string& credentials_directory) {
  const bool is_credential = !file.starts_with('/');
  if (is_credential && credentials_directory.empty()) {
    return unusable(file, "is a credential, but the service was started without credentials");
  }
  const std::string path = is_credential ? credentials_directory + "/" + file : file;
  const OpenFile opened(path);
  if (opened.fd() < 0) return unreadable(path, errno);
  struct stat info {};
  if (::fstat(opened.fd(), &info) != 0) return unreadable(path, errno);
  if (!S_ISREG(info.st_mode)) return unusable(path, "is not a file");
  if ((info.st_mode & S_IROTH) != 0) {
    return unusable(path, "may be read by everyone on this machine; chmod o-r, and change the key");
  }
  OUTBOXD_ASSIGN_OR_RETURN(std::string text, read_all(opened.fd(), path));
  return the_line_in(std::move(text), path);
}

}  // namespace outboxd::daemon
