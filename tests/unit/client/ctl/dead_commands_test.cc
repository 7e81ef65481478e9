// outboxctl dead list | show | replay | discard
#include <vector>

#include <gmock/gmock.h>

#include "tests/unit/client/ctl/command_line_fixture.h"

namespace outboxd::ctl {
namespace {

using client::testing::Answer;
using client::testing::FakeDaemon;
using client::testing::IncomingRequest;
using client::testing::refusal;
using client::testing::reply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using DeadCommandsTest = CommandLineTest;

Json letter(std::uint64_t seq) {
  return {{"seq", seq},
          {"state", "dead"},
          {"event",
           {{"topic", "orders"},
            {"type", "order.created"},
            {"subject", "o-1"},
            {"data", {{"total", 1}}}}},
          {"died_at", "2010-12-01T08:31:00.000Z"},
          {"reason", "expired: not published within 5 min"}};
}

// Letters 3, 5 and 8, one a page; 5 belongs to an order that has ended.
Answer three_letters(const IncomingRequest& request, std::vector<std::string>& asked) {
  if (request.method == "dead.list") {
    const auto after = request.arguments.value("after", 0);
    const int seq = after == 0 ? 3 : after == 3 ? 5 : 8;
    return reply(request, {{"letters", Json::array({letter(static_cast<std::uint64_t>(seq))})},
                           {"next", seq == 8 ? Json(nullptr) : Json(seq)}});
  }
  asked.push_back(request.method + " " + request.arguments.dump());
  if (request.arguments["seq"] == 5) {
    return refusal(request, "invalid_state", "order o-2 is EXPIRED", "never", "seq");
  }
  return reply(request, {{"seq", request.arguments["seq"].get<int>() + 100}});
}

TEST_F(DeadCommandsTest, LettersAreListedWithWhyTheyDied) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    EXPECT_EQ(request.method, "dead.list");
    return reply(request, {{"letters", Json::array({letter(3)})}, {"next", nullptr}});
  });
  EXPECT_EQ(ctl({"dead", "list"}).out,
            "SEQ  TOPIC   TYPE           KEY  DIED AT                   REASON\n"
            "  3  orders  order.created  o-1  2010-12-01T08:31:00.000Z  expired: not published "
            "within 5 min\n");
}

TEST_F(DeadCommandsTest, ALetterIsShownWithItsEventsData) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    EXPECT_EQ(request.method, "dead.get");
    EXPECT_EQ(request.arguments.dump(), R"({"seq":3})");
    return reply(request, letter(3));
  });
  EXPECT_THAT(ctl({"dead", "show", "3"}).out, HasSubstr("event data     {\"total\":1}\n"));
}

TEST_F(DeadCommandsTest, AReplaySaysAsWhichEventTheLetterLives) {
  Json asked;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    asked = {{request.method, request.arguments}};
    return reply(request, {{"seq", 17}});
  });
  const Ended ended = ctl({"dead", "replay", "3", "--reason", "link mended"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(ended.out, "letter 3 replayed as event 17\n");
  EXPECT_EQ(asked.dump(), R"({"dead.replay":{"seq":3,"reason":"link mended"}})");
  EXPECT_EQ(ctl({"--json", "dead", "replay", "3"}).out, "{\"seq\":17}\n");
}

TEST_F(DeadCommandsTest, DiscardingNamesTheLetterAndTheReason) {
  Json asked;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    asked = {{request.method, request.arguments}};
    return reply(request, Json::object());
  });
  EXPECT_EQ(ctl({"dead", "discard", "3", "--reason", "a test order"}).out, "letter 3 discarded\n");
  EXPECT_EQ(asked.dump(), R"({"dead.discard":{"seq":3,"reason":"a test order"}})");
}

TEST_F(DeadCommandsTest, AllLettersAreTriedAndARefusedOneEndsWith1) {
  std::vector<std::string> asked;
  FakeDaemon daemon(path("s"), [&](const auto& request) { return three_letters(request, asked); });
  const Ended ended = ctl({"dead", "replay", "--all"});
  EXPECT_EQ(ended.status, kRefused);
  EXPECT_THAT(asked, ElementsAre(R"(dead.replay {"seq":3})", R"(dead.replay {"seq":5})",
                                 R"(dead.replay {"seq":8})"));
  EXPECT_EQ(ended.out, "letter 3 replayed as event 103\nletter 8 replayed as event 108\n");
  EXPECT_EQ(ended.err, "outboxctl: invalid_state (seq): order o-2 is EXPIRED\n");
}

TEST_F(DeadCommandsTest, WhenThereAreNoLettersAllOfThemAreDone) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    return reply(request, {{"letters", Json::array()}, {"next", nullptr}});
  });
  const Ended ended = ctl({"dead", "discard", "--all"});
  EXPECT_EQ(ended.status, kDone);
  EXPECT_THAT(ended.out, IsEmpty());
}

TEST_F(DeadCommandsTest, ADaemonThatGoesAwayAmongTheLettersEndsTheRun) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    if (request.method != "dead.list") return client::testing::hang_up();
    return reply(request, {{"letters", Json::array({letter(3), letter(5)})}, {"next", nullptr}});
  });
  EXPECT_EQ(ctl({"dead", "replay", "--all"}).status, kOutcomeUnknown);
}

}  // namespace
}  // namespace outboxd::ctl
