#include "systemd/notify.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace outboxd::systemd {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

// Stands for the service manager: the datagram socket that $NOTIFY_SOCKET names.
class ServiceManager : public ::testing::Test {
 protected:
  ServiceManager() {
    std::string pattern = (std::filesystem::temp_directory_path() / "notify-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = pattern;
    const std::string path = directory_ / "socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("bind " + path);
    }
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }

  ~ServiceManager() override {
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    close(fd_);
    std::filesystem::remove_all(directory_);
  }

  // The next message. It is there already, since sending to a Unix socket does not return earlier.
  std::string heard() const {
    std::array<char, 4096> buffer{};
    const ssize_t size = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    return size < 0 ? "nothing" : std::string(buffer.data(), static_cast<std::size_t>(size));
  }

 private:
  std::filesystem::path directory_;
  int fd_ = -1;
};

using Notify = ServiceManager;

TEST_F(Notify, ReadyComesWithAStatus) {
  notify_ready("next seq 42");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=next seq 42");
}

TEST_F(Notify, StoppingComesWithAStatus) {
  notify_stopping("draining");
  EXPECT_EQ(heard(), "STOPPING=1\nSTATUS=draining");
}

TEST_F(Notify, AStatusCannotSmuggleInAnotherAssignment) {
  notify_status("recovering\nREADY=1");
  EXPECT_EQ(heard(), "STATUS=recovering READY=1");
}

TEST_F(Notify, ReloadingCarriesTheMonotonicTime) {
  notify_reloading();
  const std::string message = heard();
  const std::string prefix = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_EQ(message.substr(0, prefix.size()), prefix);
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto said = std::chrono::microseconds(std::stoll(message.substr(prefix.size())));
  EXPECT_LE(said, now);
  EXPECT_GT(said, now - 60s);
}

TEST_F(Notify, ExtendsTheTimeoutInMicroseconds) {
  notify_extend_timeout(1500ms);
  EXPECT_EQ(heard(), "EXTEND_TIMEOUT_USEC=1500000");
}

TEST_F(Notify, PingsTheWatchdog) {
  notify_watchdog();
  EXPECT_EQ(heard(), "WATCHDOG=1");
}

TEST_F(Notify, WithoutAServiceManagerNothingIsSentAndNothingFails) {
  unsetenv("NOTIFY_SOCKET");
  notify_ready("alone");
  EXPECT_EQ(heard(), "nothing");
}

TEST_F(Notify, TheWatchdogIntervalIsThatOfThisProcessOnly) {
  EXPECT_EQ(watchdog_interval(), std::nullopt);
  setenv("WATCHDOG_USEC", "10000000", 1);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_interval(), 10s);
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(watchdog_interval(), std::nullopt);
}

}  // namespace
}  // namespace outboxd::systemd
