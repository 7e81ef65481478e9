// outboxctl broker groups, and broker dead list | show | replay | discard
#include <gmock/gmock.h>

#include "tests/unit/client/ctl/command_line_fixture.h"

namespace outboxd::ctl {
namespace {

using client::testing::FakeDaemon;
using client::testing::IncomingRequest;
using client::testing::refusal;
using client::testing::reply;
using ::testing::HasSubstr;

// A broker that gives every request the same result, and remembers the last.
class BrokerGroupCommandsTest : public CommandLineTest {
 protected:
  Ended ctl_when_told(const Json& result, std::vector<std::string> arguments) {
    FakeDaemon broker(path("s"), [&](const IncomingRequest& request) {
      asked_ = request.method + " " + request.arguments.dump();
      return reply(request, result);
    });
    return ctl(std::move(arguments));
  }

  const Json letter_ = {
      {"offset", 2},
      {"producer", "till-1"},
      {"seq", 41},
      {"source_offset", 40},
      {"attempts", 4},
      {"died_at", "2010-12-01T08:31:00.000Z"},
      {"reason", "gateway unavailable"},
      {"history", Json::array({{{"elapsed_ms", 1000}, {"reason", "gateway unavailable"}},
                               {{"elapsed_ms", 63'000}, {"reason", "the consumer went away"}}})},
      {"event", {{"type", "order.created"}, {"subject", "o-1"}, {"data", {{"total", 1}}}}}};
  std::string asked_;
};

TEST_F(BrokerGroupCommandsTest, GroupsAreListedWithHowFarTheyAre) {
  const Json group = {{"topic", "orders"}, {"group", "payments"}, {"lag", 7},
                      {"in_flight", 2},    {"retrying", 1},       {"parked", 3},
                      {"dead", 4},         {"consumers", 2},      {"cursor", 12}};
  const Ended ended =
      ctl_when_told({{"groups", Json::array({group})}, {"next", nullptr}}, {"broker", "groups"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(asked_, R"(group.list {"limit":100})");
  EXPECT_EQ(ended.out,
            "TOPIC   GROUP     CONSUMERS  LAG  IN FLIGHT  RETRYING  PARKED  DEAD  CURSOR\n"
            "orders  payments          2    7          2         1       3     4      12\n");
}

TEST_F(BrokerGroupCommandsTest, AGroupsLettersAreListedWithWhoseTheyAreAndWhyTheyDied) {
  const Ended ended = ctl_when_told({{"letters", Json::array({letter_})}, {"next", 2}},
                                    {"broker", "dead", "list", "--topic", "orders", "--group",
                                     "payments", "--after", "1", "--limit", "1"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(asked_, R"(dead.list {"topic":"orders","group":"payments","limit":1,"after":1})");
  EXPECT_THAT(ended.out, HasSubstr("     2  till-1     41  order.created  o-1         4  "
                                   "2010-12-01T08:31:00.000Z  gateway unavailable\n"));
  EXPECT_THAT(ended.out, HasSubstr("There are more: --after 2\n"));
}

TEST_F(BrokerGroupCommandsTest, ALetterIsShownWithItsFailures) {
  const Ended ended = ctl_when_told(
      letter_, {"broker", "dead", "show", "2", "--topic", "orders", "--group", "payments"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(asked_, R"(dead.get {"topic":"orders","group":"payments","offset":2})");
  EXPECT_THAT(ended.out, HasSubstr("event data     {\"total\":1}\n"));
  EXPECT_THAT(ended.out, HasSubstr("\n\nFAILED AT  REASON\n"
                                   "    1.0 s  gateway unavailable\n"
                                   "1 min 3 s  the consumer went away\n"));
}

TEST_F(BrokerGroupCommandsTest, OneLetterIsReplayedByItsOffset) {
  EXPECT_EQ(ctl_when_told({{"replayed", 1}}, {"broker", "dead", "replay", "--topic", "orders",
                                              "--group", "payments", "2"})
                .out,
            "replayed  1\n");
  EXPECT_EQ(asked_, R"(dead.replay {"topic":"orders","group":"payments","offset":2})");
}

TEST_F(BrokerGroupCommandsTest, AllLettersAreDiscardedAtOnceWithTheReason) {
  const Ended ended =
      ctl_when_told({{"discarded", 9}}, {"--json", "broker", "dead", "discard", "--topic", "orders",
                                         "--group", "payments", "--all", "--reason", "tests"});
  EXPECT_EQ(ended.out, "{\"discarded\":9}\n");
  EXPECT_EQ(asked_,
            R"(dead.discard {"topic":"orders","group":"payments","all":true,"reason":"tests"})");
}

TEST_F(BrokerGroupCommandsTest, AGroupThatTheBrokerDoesNotKnowEndsWith1) {
  FakeDaemon broker(path("s"), [](const IncomingRequest& request) {
    return refusal(request, "not_found", "topic orders has no group x", "never", "group");
  });
  const Ended ended = ctl({"broker", "dead", "list", "--topic", "orders", "--group", "x"});
  EXPECT_EQ(ended.status, kRefused);
  EXPECT_EQ(ended.err, "outboxctl: not_found (group): topic orders has no group x\n");
}

}  // namespace
}  // namespace outboxd::ctl
