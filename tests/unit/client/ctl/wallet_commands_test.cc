// outboxctl wallet deposit | get
#include <gmock/gmock.h>

#include "tests/unit/client/ctl/command_line_fixture.h"

namespace outboxd::ctl {
namespace {

using client::testing::FakeDaemon;
using client::testing::IncomingRequest;
using client::testing::refusal;
using client::testing::reply;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

using WalletCommandsTest = CommandLineTest;

TEST_F(WalletCommandsTest, ADepositShowsTheWalletThatItWentInto) {
  Json asked;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    asked = {{request.method, request.arguments}};
    return reply(request,
                 {{"user_id", "u-1"}, {"points", 500}, {"replayed", false}, {"seq", nullptr}});
  });
  const Ended ended = ctl({"wallet", "deposit", "--id", "d-1", "--user", "u-1", "--points", "500"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(asked.dump(),
            R"({"wallet.deposit":{"deposit_id":"d-1","user_id":"u-1","points":500}})");
  EXPECT_EQ(ended.out,
            "user_id   u-1\n"
            "points    500\n"
            "replayed  no\n"
            "seq       -\n");
}

TEST_F(WalletCommandsTest, ADepositOfUnknownOutcomeNamesTheIdThatMakesItSafeToRepeat) {
  std::string id;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    id = request.arguments.at("deposit_id");
    return client::testing::hang_up();
  });
  const Ended ended = ctl({"wallet", "deposit", "--user", "u-1", "--points", "500"});
  daemon.stop();
  EXPECT_EQ(ended.status, kOutcomeUnknown);
  EXPECT_THAT(id, MatchesRegex("[0-9a-f]{32}"));
  EXPECT_THAT(ended.err, HasSubstr("(the deposit is called --id " + id + ")"));
}

TEST_F(WalletCommandsTest, PointsThatAreNoWholeNumberAreWrongUsage) {
  for (const char* points : {"1.5", "many", "", "9223372036854775808"}) {
    const Ended ended = ctl({"wallet", "deposit", "--user", "u-1", "--points", points});
    EXPECT_EQ(ended.status, kUsage) << points;
    EXPECT_THAT(ended.err, HasSubstr("--points")) << points;
  }
}

TEST_F(WalletCommandsTest, NegativePointsAreTheDaemonsToRefuse) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    EXPECT_EQ(request.arguments.at("points"), -5);
    return refusal(request, "bad_request", "points must be at least 1, not -5", "never", "points");
  });
  const Ended ended = ctl({"wallet", "deposit", "--user", "u-1", "--points", "-5"});
  EXPECT_EQ(ended.status, kRefused);
  EXPECT_EQ(ended.err, "outboxctl: bad_request (points): points must be at least 1, not -5\n");
}

TEST_F(WalletCommandsTest, AWalletIsShownByItsUser) {
  const Json wallet = {{"user_id", "u-1"}, {"points", 460}};
  Json asked;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    asked = {{request.method, request.arguments}};
    return reply(request, wallet);
  });
  EXPECT_EQ(ctl({"wallet", "get", "u-1"}).out, "user_id  u-1\npoints   460\n");
  EXPECT_EQ(asked.dump(), R"({"wallet.get":{"user_id":"u-1"}})");
  EXPECT_EQ(ctl({"--json", "wallet", "get", "u-1"}).out, wallet.dump() + "\n");
}

}  // namespace
}  // namespace outboxd::ctl
