#include "systemd/socket_activation.h"

#include <cstdlib>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace outboxd::systemd {
namespace {

constexpr int kFirstPassedFd = 3;

int listening_unix_socket() {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;  // no path: the kernel picks an abstract one
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(sa_family_t)) != 0) _exit(101);
  if (listen(fd, 1) != 0) _exit(102);
  return fd;
}

// Descriptors are passed from number 3 on, which a test process has in use. So each case runs in a
// child, which puts `sockets` there as the service manager would, and ends with the status of
// `check`.
template <typename Check>
int status_when_started_with(const std::vector<int>& sockets, const std::string& names,
                             Check check) {
  const pid_t child = fork();
  if (child == 0) {
    std::vector<int> high;
    for (const int fd : sockets) high.push_back(fcntl(fd, F_DUPFD, 100));
    int next = kFirstPassedFd;
    for (const int fd : high) dup2(fd, next++);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", std::to_string(sockets.size()).c_str(), 1);
    setenv("LISTEN_FDNAMES", names.c_str(), 1);
    _exit(check());
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(SocketActivation, TakesListeningSocketsByNameInOrder) {
  const int first = listening_unix_socket();
  const int second = listening_unix_socket();
  EXPECT_EQ(0, status_when_started_with({first, second}, "outboxd.socket:admin", [] {
              const auto sockets = take_listening_sockets();
              if (sockets.size() != 2) return 1;
              if (sockets[0].name != "outboxd.socket" || sockets[0].fd != kFirstPassedFd) return 2;
              if (sockets[1].name != "admin" || sockets[1].fd != kFirstPassedFd + 1) return 3;
              if ((fcntl(sockets[0].fd, F_GETFD) & FD_CLOEXEC) == 0) return 4;
              return 0;
            }));
  close(first);
  close(second);
}

TEST(SocketActivation, ClosesWhatIsNotAListeningUnixStream) {
  const int datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
  const int listening = listening_unix_socket();
  EXPECT_EQ(0, status_when_started_with({datagram, listening}, "wrong:right", [] {
              const auto sockets = take_listening_sockets();
              if (sockets.size() != 1 || sockets[0].name != "right") return 1;
              if (fcntl(kFirstPassedFd, F_GETFD) != -1) return 2;
              return 0;
            }));
  close(datagram);
  close(listening);
}

TEST(SocketActivation, ASecondCallTakesNothing) {
  const int listening = listening_unix_socket();
  EXPECT_EQ(0, status_when_started_with({listening}, "one", [] {
              if (take_listening_sockets().size() != 1) return 1;
              return take_listening_sockets().empty() ? 0 : 2;
            }));
  close(listening);
}

TEST(SocketActivation, SocketsMeantForAnotherProcessAreLeftAlone) {
  setenv("LISTEN_PID", "1", 1);
  setenv("LISTEN_FDS", "1", 1);
  EXPECT_TRUE(take_listening_sockets().empty());
  unsetenv("LISTEN_PID");
  unsetenv("LISTEN_FDS");
}

}  // namespace
}  // namespace outboxd::systemd
