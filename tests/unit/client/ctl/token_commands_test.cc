// outboxctl token issue | check
#include <iostream>
#include <sstream>

#include <gmock/gmock.h>

#include "tests/unit/client/ctl/command_line_fixture.h"

namespace outboxd::ctl {
namespace {

using client::testing::FakeDaemon;
using client::testing::IncomingRequest;
using client::testing::reply;
using ::testing::HasSubstr;

using TokenCommandsTest = CommandLineTest;

// What this process finds on standard input as long as it lives.
class StandardInput {
 public:
  explicit StandardInput(const std::string& text)
      : text_(text), before_(std::cin.rdbuf(text_.rdbuf())) {}
  ~StandardInput() {
    std::cin.rdbuf(before_);
    std::cin.clear();
  }
  StandardInput(const StandardInput&) = delete;
  StandardInput& operator=(const StandardInput&) = delete;

 private:
  std::istringstream text_;
  std::streambuf* const before_;
};

TEST_F(TokenCommandsTest, ATokenIsIssuedForAsLongAsAsked) {
  Json asked;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    asked = {{request.method, request.arguments}};
    return reply(request, {{"token", "t0k3n"}, {"expires_at", "2010-12-01T08:28:00.000Z"}});
  });
  const Ended ended = ctl({"token", "issue", "u-1", "--ttl", "2m"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(asked.dump(), R"({"token.issue":{"user_id":"u-1","ttl_ms":120000}})");
  EXPECT_EQ(ended.out, "token       t0k3n\nexpires_at  2010-12-01T08:28:00.000Z\n");
  ctl({"token", "issue", "u-1"});
  EXPECT_EQ(asked.dump(), R"({"token.issue":{"user_id":"u-1"}})");
}

TEST_F(TokenCommandsTest, ATimeToLiveWithoutAnyMeaningIsWrongUsage) {
  const Ended ended = ctl({"token", "issue", "u-1", "--ttl", "soon"});
  EXPECT_EQ(ended.status, kUsage);
  EXPECT_THAT(ended.err, HasSubstr("--ttl: must be like 5, 5s, 250ms or 2m, not soon"));
}

TEST_F(TokenCommandsTest, WhetherATokenIsValidIsAnAnswerAndNoRefusal) {
  Json asked;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    asked = {{request.method, request.arguments}};
    return reply(request, {{"valid", false}});
  });
  const Ended ended = ctl({"token", "check", "u-1", "--token", "t0k3n"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(asked.dump(), R"({"token.check":{"user_id":"u-1","token":"t0k3n"}})");
  EXPECT_EQ(ended.out, "valid  no\n");
}

TEST_F(TokenCommandsTest, ATokenIsReadFromStandardInputAndNotShownToTheMachine) {
  std::string token;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    token = request.arguments.at("token");
    return reply(request, {{"valid", true}});
  });
  for (const char* input : {"t0k3n\nsomething else\n", "t0k3n"}) {
    const StandardInput typed(input);
    EXPECT_EQ(ctl({"token", "check", "u-1", "--token", "-"}).out, "valid  yes\n");
    EXPECT_EQ(token, "t0k3n");
  }
}

}  // namespace
}  // namespace outboxd::ctl
