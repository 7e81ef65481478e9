// Which paths a server listens on, and which it leaves alone.

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/transport/ipc/raw_client.h"
#include "tests/unit/transport/ipc/running_server.h"

namespace outboxd::transport {
namespace {

class Listening : public testing::Test, public RequestHandler {
 protected:
  void on_request(const Request&) override {}
  void on_disconnect(ConnectionId) override {}

  domain::Status listen(const std::string& path, mode_t mode = 0660) {
    server_ = std::make_unique<Server>(loop_, *this);
    return server_->listen(path, mode);
  }

  std::string refusal(const std::string& path) {
    const auto status = listen(path);
    return status ? "none" : status.error().message;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.file("outboxd.sock");
  EventLoop loop_;
  std::unique_ptr<Server> server_;
};

void leave_a_stale_socket_at(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(fd);  // as a killed process does: the file stays
}

TEST_F(Listening, ReplacesASocketThatNobodyListensOn) {
  leave_a_stale_socket_at(path_);
  ASSERT_TRUE(std::filesystem::exists(path_));
  EXPECT_EQ(refusal(path_), "none");
  EXPECT_EQ(RawClient().connect(path_), 0);
}

TEST_F(Listening, RefusesASocketThatAnotherListensOnAndLeavesItAlone) {
  RunningServer other;
  EXPECT_EQ(refusal(other.path()),
            "cannot listen on " + other.path() + ": another process listens there");
  RawClient client(other.path());
  EXPECT_TRUE(client.echo());
}

TEST_F(Listening, RefusesAFileThatIsNoSocketAndLeavesItAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_EQ(refusal(path_), "cannot listen on " + path_ + ": there is a file that is no socket");
  std::string content;
  std::ifstream(path_) >> content;
  EXPECT_EQ(content, "precious");
}

TEST_F(Listening, RefusesAPathThatASocketAddressCannotHold) {
  EXPECT_EQ(refusal(""), "cannot listen on : a socket's path must have 1 to 107 bytes");
  const std::string path = directory_.file(std::string(108, 'x'));
  EXPECT_EQ(refusal(path),
            "cannot listen on " + path + ": a socket's path must have 1 to 107 bytes");
}

TEST_F(Listening, SaysWhyItCannotListenInAFolderThatIsNotThere) {
  const std::string path = directory_.file("missing/outboxd.sock");
  EXPECT_EQ(refusal(path), "cannot listen on " + path + ": No such file or directory");
}

TEST_F(Listening, GivesTheSocketTheModeWhateverTheUmask) {
  const mode_t umask_before = ::umask(0077);
  const auto status = listen(path_, 0660);
  ::umask(umask_before);
  ASSERT_TRUE(status.ok());
  struct stat file {};
  ASSERT_EQ(::stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, mode_t{0660});
}

TEST_F(Listening, RemovesThePathAtTheEnd) {
  ASSERT_TRUE(listen(path_).ok());
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Listening, LeavesAPathAloneThatIsNotItsOwnAnyMore) {
  ASSERT_TRUE(listen(path_).ok());
  std::filesystem::remove(path_);
  leave_a_stale_socket_at(path_);
  server_.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace outboxd::transport
