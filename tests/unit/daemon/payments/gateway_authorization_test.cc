#include "daemon/payments/gateway_authorization.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/support/temporary_directory.h"

namespace outboxd::daemon {
namespace {

using testing::HasSubstr;
using testing::Not;

class GatewayAuthorizationTest : public testing::Test {
 protected:
  // A file that only its owner may read.
  std::string file_with(const std::string& content) const {
    const std::string path = directory_.file("key");
    std::ofstream(path, std::ios::binary) << content;
    EXPECT_EQ(::chmod(path.c_str(), 0600), 0);
    return path;
  }

  // Why `content` is refused.
  std::string refusal_of(const std::string& content) const {
    const auto read = read_authorization(file_with(content), "");
    return read ? "it was taken: " + *read : read.error().message;
  }

  const support::TemporaryDirectory directory_;
};

TEST_F(GatewayAuthorizationTest, IsTheOneLineOfTheFile) {
  for (const char* ending : {"", "\n", "\r\n"}) {
    EXPECT_EQ(read_authorization(file_with(std::string("Bearer sk_1 ~") + ending), "").value(),
              "Bearer sk_1 ~");
  }
}

TEST_F(GatewayAuthorizationTest, ANameIsACredentialOfTheService) {
  file_with("Basic dTpw\n");
  EXPECT_EQ(read_authorization("key", directory_.path()).value(), "Basic dTpw");
  const auto without = read_authorization("key", "");
  ASSERT_FALSE(without);
  EXPECT_THAT(without.error().message, HasSubstr("without credentials"));
}

TEST_F(GatewayAuthorizationTest, WhatIsNotOneLineOfTextIsRefusedWithoutShowingIt) {
  for (const std::string content : {"Bearer sk_1\nHost: evil.example\n", "Bearer sk_1\r\nX: y",
                                    "Bearer sk_1\n\n", "Bearer\tsk_1", "Bearer sk_\xC3\xA9"}) {
    EXPECT_THAT(refusal_of(content), HasSubstr("not one line of printable ASCII"));
    EXPECT_THAT(refusal_of(content), Not(HasSubstr("sk_")));
  }
  EXPECT_THAT(refusal_of(std::string("Bearer \0 sk_1", 13)), HasSubstr("not one line"));
}

TEST_F(GatewayAuthorizationTest, AnEmptyOneIsRefused) {
  for (const std::string content : {"", "\n", "\r\n", "   \n"}) {
    EXPECT_THAT(refusal_of(content), HasSubstr("is empty"));
  }
}

TEST_F(GatewayAuthorizationTest, MayBeAsLongAsItsLimitAndNotLonger) {
  const std::string longest(kMaxAuthorizationBytes, 'k');
  for (const std::string& content : {longest, longest + "\n"}) {
    EXPECT_EQ(read_authorization(file_with(content), "").value(), longest);
  }
  for (const std::string& content : {longest + "k", longest + "k\n", longest + longest}) {
    EXPECT_THAT(refusal_of(content), HasSubstr("longer than 4096 bytes"));
  }
}

TEST_F(GatewayAuthorizationTest, AFileThatEveryoneMayReadIsRefused) {
  const std::string path = file_with("Bearer sk_1");
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  const auto read = read_authorization(path, "");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr(path + " may be read by everyone"));
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  EXPECT_TRUE(read_authorization(path, "")) << "the group is the daemon's";
}

TEST_F(GatewayAuthorizationTest, AFileThatIsNoneIsRefusedAtOnce) {
  const auto missing = read_authorization(directory_.file("missing"), "");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("No such file"));

  const std::string pipe = directory_.file("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, directory_.path()}) {
    const auto read = read_authorization(path, "");
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message, HasSubstr("is not a file"));
  }
}

TEST_F(GatewayAuthorizationTest, ItsFileIsAnAbsolutePathOrAName) {
  for (const char* file : {"/etc/outboxd/key", "gateway", "gateway.key", "..key"}) {
    EXPECT_TRUE(is_authorization_file(file)) << file;
  }
  for (const char* file : {"", ".", "..", "keys/gateway", "../key", "key/"}) {
    EXPECT_FALSE(is_authorization_file(file)) << file;
  }
}

}  // namespace
}  // namespace outboxd::daemon
