// outboxctl link [explain] | accept-broker | new-life | take-over
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/unit/client/ctl/command_line_fixture.h"

namespace outboxd::ctl {
namespace {

using client::testing::FakeDaemon;
using client::testing::IncomingRequest;
using client::testing::reply;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using LinkCommandsTest = CommandLineTest;

Json explanation(const Json& conflict, const Json& commands) {
  return {{"state", conflict.is_null() ? "connected" : "conflict"},
          {"since", "2010-12-01T08:31:00.000Z"},
          {"last_error", nullptr},
          {"conflict", conflict},
          {"box",
           {{"store", "abc"},
            {"producer", "till"},
            {"life", 0},
            {"base_seq", 0},
            {"epoch", 3},
            {"next_seq", 9},
            {"completed_seq", 5},
            {"broker", nullptr}}},
          {"commands", commands},
          {"decisions", "2010-12-01T08:00:00.000Z took over\n"}};
}

TEST_F(LinkCommandsTest, AConflictIsExplainedWithTheWayOut) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    EXPECT_EQ(request.method, "link.explain");
    return reply(request, explanation({{"code", "other_store"},
                                       {"message", "the name belongs to another"},
                                       {"life", 0},
                                       {"last_seq", 10},
                                       {"epoch", 0},
                                       {"broker", nullptr}},
                                      Json::array({"new-life"})));
  });
  const Ended ended = ctl({"link"});
  EXPECT_EQ(ended.status, kDone);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("other_store: the name belongs to another\n"),
                               HasSubstr("outboxctl link new-life --send --dry-run\n"),
                               HasSubstr("outboxctl link new-life --hold --dry-run\n"),
                               HasSubstr("took over\n"), HasSubstr("producer till, life 0")));
}

TEST_F(LinkCommandsTest, WithoutAConflictThereIsNoWayOutToShow) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    return reply(request, explanation(nullptr, Json::array()));
  });
  const std::string out = ctl({"link", "explain"}).out;
  EXPECT_THAT(out, HasSubstr("connected since"));
  EXPECT_THAT(out, ::testing::Not(HasSubstr("way out")));
}

TEST_F(LinkCommandsTest, ADecisionIsCarriedOutOrOnlyDescribed) {
  std::vector<std::string> asked;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    asked.push_back(request.method + " " + request.arguments.dump());
    return reply(request, {{"dry_run", request.arguments["dry_run"]},
                           {"effects", Json::array({"it goes on"})}});
  });
  EXPECT_EQ(ctl({"link", "accept-broker", "--dry-run"}).out,
            "would do (this was a dry run):\n  it goes on\n");
  EXPECT_EQ(ctl({"link", "take-over"}).out, "done:\n  it goes on\n");
  EXPECT_EQ(ctl({"link", "new-life", "--hold"}).status, kDone);
  EXPECT_THAT(asked, ElementsAre(R"(link.accept_broker {"dry_run":true})",
                                 R"(link.take_over {"dry_run":false})",
                                 R"(link.new_life {"pending":"hold","dry_run":false})"));
}

TEST_F(LinkCommandsTest, ANewLifeWantsToKnowWhatBecomesOfPendingEvents) {
  EXPECT_EQ(ctl({"link", "new-life"}).status, kUsage);
  EXPECT_EQ(ctl({"link", "new-life", "--send", "--hold"}).status, kUsage);
}

}  // namespace
}  // namespace outboxd::ctl
