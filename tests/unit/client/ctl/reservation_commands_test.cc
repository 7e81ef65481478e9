// outboxctl reservation hold | pay | get | list | cancel
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

const Json kHeld = {{"reservation_id", "r-1"}, {"user_id", "u-1"},
                    {"item_id", "seat:A1"},    {"price_points", 40},
                    {"status", "HELD"},        {"held_until", "2010-12-01T08:36:00.000Z"}};

class ReservationCommandsTest : public CommandLineTest {
 protected:
  // Runs a command against a daemon that answers `result`.
  Ended answered(const Json& result, std::vector<std::string> arguments) {
    FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
      asked_ = request.method + " " + request.arguments.dump();
      return reply(request, result);
    });
    return ctl(std::move(arguments));
  }

  std::string asked_;
};

TEST_F(ReservationCommandsTest, AnItemIsHeldUnderTheCallersId) {
  const Ended ended = answered(kHeld, {"reservation", "hold", "--id", "r-1", "--user", "u-1",
                                       "--item", "seat:A1", "--price", "40", "--ttl", "5m"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(asked_, R"(reservation.hold {"reservation_id":"r-1","user_id":"u-1",)"
                    R"("item_id":"seat:A1","price_points":40,"ttl_ms":300000})");
  EXPECT_EQ(ended.out,
            "reservation_id  r-1\n"
            "user_id         u-1\n"
            "item_id         seat:A1\n"
            "price_points    40\n"
            "status          HELD\n"
            "held_until      2010-12-01T08:36:00.000Z\n");
}

TEST_F(ReservationCommandsTest, AHoldWithoutATimeToLiveLeavesItToTheConfiguration) {
  answered(kHeld, {"reservation", "hold", "--user", "u-1", "--item", "A1", "--price", "40"});
  EXPECT_THAT(asked_, MatchesRegex(R"(reservation\.hold \{"reservation_id":"[0-9a-f]{32}",)"
                                   R"("user_id":"u-1","item_id":"A1","price_points":40\})"));
}

TEST_F(ReservationCommandsTest, AHoldOfUnknownOutcomeNamesTheIdThatMakesItSafeToRepeat) {
  std::string id;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    id = request.arguments.at("reservation_id");
    return client::testing::hang_up();
  });
  const Ended ended =
      ctl({"reservation", "hold", "--user", "u-1", "--item", "A1", "--price", "40"});
  daemon.stop();
  EXPECT_EQ(ended.status, kOutcomeUnknown);
  EXPECT_THAT(ended.err, HasSubstr("(the reservation is called --id " + id + ")"));
}

TEST_F(ReservationCommandsTest, AReservationIsPaidByItsUserWithAToken) {
  Json paid = kHeld;
  paid["status"] = "PAID";
  const Ended ended =
      answered(paid, {"reservation", "pay", "r-1", "--user", "u-1", "--token", "t0k3n"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(asked_, R"(reservation.pay {"reservation_id":"r-1","user_id":"u-1","token":"t0k3n"})");
  EXPECT_THAT(ended.out, HasSubstr("status          PAID\n"));
}

TEST_F(ReservationCommandsTest, MissingPointsAreNamedAndEndWith1) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    return refusal(request, "insufficient_points", "there are 30 points, 10 are missing", "never");
  });
  const Ended ended = ctl({"reservation", "pay", "r-1", "--user", "u-1", "--token", "t0k3n"});
  EXPECT_EQ(ended.status, kRefused);
  EXPECT_EQ(ended.err, "outboxctl: insufficient_points: there are 30 points, 10 are missing\n");
}

TEST_F(ReservationCommandsTest, ACancellationSaysWhy) {
  answered(kHeld, {"reservation", "cancel", "r-1", "--reason", "rain"});
  EXPECT_EQ(asked_, R"(reservation.cancel {"reservation_id":"r-1","reason":"rain"})");
  answered(kHeld, {"reservation", "cancel", "r-1"});
  EXPECT_EQ(asked_, R"(reservation.cancel {"reservation_id":"r-1"})");
}

TEST_F(ReservationCommandsTest, AReservationIsShownByItsId) {
  EXPECT_EQ(answered(kHeld, {"--json", "reservation", "get", "r-1"}).out, kHeld.dump() + "\n");
  EXPECT_EQ(asked_, R"(reservation.get {"reservation_id":"r-1"})");
}

TEST_F(ReservationCommandsTest, ReservationsAreListedByStatus) {
  const Ended ended = answered({{"reservations", Json::array({kHeld})}, {"next", nullptr}},
                               {"reservation", "list", "--status", "HELD"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(asked_, R"(reservation.list {"status":"HELD","limit":100})");
  EXPECT_EQ(ended.out,
            "RESERVATION  STATUS  POINTS  ITEM     USER  HELD UNTIL                PAID AT\n"
            "r-1          HELD        40  seat:A1  u-1   2010-12-01T08:36:00.000Z  -\n");
}

TEST_F(ReservationCommandsTest, WhatAHoldNeedsIsAskedForBeforeTheDaemonIs) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--user", "u-1", "--item", "A1"},
        {"--user", "u-1", "--price", "40"},
        {"--item", "A1", "--price", "40"}}) {
    std::vector<std::string> arguments = {"reservation", "hold"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    EXPECT_EQ(ctl(arguments).status, kUsage);
  }
  EXPECT_EQ(ctl({"reservation", "pay", "r-1", "--user", "u-1"}).status, kUsage);
}

}  // namespace
}  // namespace outboxd::ctl
