#include "transport/ipc/listener.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "domain/check.h"
#include "transport/ipc/native.h"

namespace outboxd::transport {
namespace {

constexpr int kMaxAcceptsPerTurn = 64;
constexpr std::chrono::milliseconds kPause{100};

// Closes what was not released to somebody else.
class UniqueFd {
 public:
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;

  [[nodiscard]] int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

int open_reserve() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

domain::Error cannot(const std::string& path, const std::string& why) {
  return domain::bad_request("socket", "cannot listen on " + path + ": " + why);
}

domain::Error cannot(const std::string& path, int error) {
  return cannot(path, std::strerror(error));
}

// Removes a socket that its process left behind (after a kill or a power cut).
domain::Status remove_stale_socket(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    return errno == ENOENT ? domain::ok_status() : cannot(path, errno);
  }
  if (!S_ISSOCK(status.st_mode)) return cannot(path, "there is a file that is no socket");
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.get() < 0) return cannot(path, errno);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  // EAGAIN: somebody listens, and has a full backlog.
  if (::connect(probe.get(), generic, sizeof address) == 0 || errno == EAGAIN) {
    return cannot(path, "another process listens there");
  }
  if (errno != ECONNREFUSED) return cannot(path, errno);
  return ::unlink(path.c_str()) == 0 ? domain::ok_status() : cannot(path, errno);
}

}  // namespace

domain::Result<std::shared_ptr<Listener>> Listener::at_path(EventLoop& loop, AcceptHandler& handler,
                                                            const std::string& path, mode_t mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return cannot(path, "a socket's path must have 1 to " +
                            std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  path.copy(address.sun_path, path.size());
  OUTBOXD_TRY(remove_stale_socket(path, address));

  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return cannot(path, errno);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return cannot(path, errno);
  }
  // Nobody can connect before listen(), so there is no moment at which the mode is too wide.
  if (::chmod(path.c_str(), mode) != 0 || ::listen(fd.get(), SOMAXCONN) != 0) {
    const int error = errno;
    ::unlink(path.c_str());
    return cannot(path, error);
  }
  std::shared_ptr<Listener> listener(new Listener(loop, handler, fd.release()));
  listener->remember_path(path);
  return listener;
}

std::shared_ptr<Listener> Listener::adopted(EventLoop& loop, AcceptHandler& handler, int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  OUTBOXD_CHECK(flags >= 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
  return std::shared_ptr<Listener>(new Listener(loop, handler, fd));
}

Listener::Listener(EventLoop& loop, AcceptHandler& handler, int fd)
    : socket_(loop.native().io, fd),
      pause_(loop.native().io),
      handler_(handler),
      reserve_fd_(open_reserve()) {}

Listener::~Listener() {
  close();
  if (reserve_fd_ >= 0) ::close(reserve_fd_);
}

void Listener::start() {
  wait();
}

void Listener::close() {
  if (closed_) return;
  closed_ = true;
  pause_.cancel();
  asio::error_code ignored;
  socket_.close(ignored);
  struct stat status {};
  if (!path_.empty() && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == file_.device &&
      status.st_ino == file_.inode) {
    ::unlink(path_.c_str());
  }
}

void Listener::remember_path(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return;
  path_ = path;
  file_ = {status.st_dev, status.st_ino};
}

void Listener::wait() {
  socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](const asio::error_code& error) {
                       if (!error && !self->closed_) self->accept_ready();
                     });
}

void Listener::accept_ready() {
  for (int i = 0; i < kMaxAcceptsPerTurn && !closed_; ++i) {
    const int fd =
        ::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      handler_.on_accept(fd);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) break;
    if ((errno == EMFILE || errno == ENFILE) && accept_from_reserve()) continue;
    // Out of memory, or of descriptors in the whole system. The clients that wait keep the socket
    // readable, so waiting for it would spin.
    pause_.expires_after(kPause);
    pause_.async_wait([self = shared_from_this()](const asio::error_code& error) {
      if (!error && !self->closed_) self->wait();
    });
    return;
  }
  if (!closed_) wait();
}

// Whether a client could be turned away by means of the reserved descriptor.
bool Listener::accept_from_reserve() {
  if (reserve_fd_ < 0) return false;
  ::close(std::exchange(reserve_fd_, -1));
  const int fd = ::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) handler_.on_accept_without_room(fd);
  reserve_fd_ = open_reserve();
  return fd >= 0;
}

}  // namespace outboxd::transport
