// Existing MessagePack-RPC clients work unchanged: one of the npm registry, one of Debian.
#include <filesystem>
#include <string>

#include <gmock/gmock.h>

#include "tests/e2e/appliance.h"
#include "tests/e2e/node_packages.h"
#include "tests/support/paths.h"

namespace outboxd::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const fs::path kScripts = support::source_dir() + "/tests/e2e/foreign_clients";

class ForeignClients : public ApplianceTest {
 protected:
  void SetUp() override { lonely_.start(); }

  // Both scripts do the same with their client, and print what they were told.
  void check(const ProcessOutcome& outcome, const std::string& prefix) {
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const Json told = Json::parse(outcome.out);
    EXPECT_TRUE(told.at("tail").at("error").is_null());

    const Json created = told.at("created").at("result");
    EXPECT_EQ(created.at("order_id"), prefix + "-1");
    EXPECT_EQ(created.at("total"), 6 * 255);
    EXPECT_EQ(created.at("replayed"), false);
    EXPECT_EQ(created.at("lines").at(0).at("description"), "T-LIGHT \u2012 \u00BD");
    EXPECT_TRUE(told.at("created").at("error").is_null());
    EXPECT_EQ(told.at("again").at("result").at("replayed"), true);
    EXPECT_EQ(told.at("again").at("result").at("seq"), created.at("seq"));

    const Json refusal = told.at("refused").at("error");
    EXPECT_EQ(refusal.at("code"), "bad_request");
    EXPECT_EQ(refusal.at("details").at("argument"), "currency");
    EXPECT_EQ(refusal.at("retry"), "never");
    EXPECT_TRUE(told.at("refused").at("result").is_null());
    EXPECT_EQ(told.at("unknown").at("error").at("code"), "unknown_method");
    EXPECT_EQ(told.at("status").at("result").at("producer"), "till-1");
    EXPECT_EQ(told.at("state").at("result").at("value"),
              Json::parse(R"({"text": "naïve", "list": [1, -1, 1.5, null, true]})"));

    EXPECT_EQ(told.at("pipelined"), 200);
    const Json& events = told.at("events");
    ASSERT_EQ(events.size(), 202U);
    EXPECT_EQ(events.front(), "event order.created " + prefix + "-1");
    EXPECT_EQ(events.back(), "event order.created " + prefix + "-notified");
    EXPECT_EQ(lonely_.ask("order.get", {{"order_id", prefix + "-notified"}}).at("total"), 1530);
  }
};

TEST_F(ForeignClients, OneOfTheNpmRegistryWorksUnchanged) {
  if (!has_node()) GTEST_SKIP() << "needs Debian's nodejs and npm; ./dev setup installs them";
  check(run({.argv = {"/usr/bin/node", kScripts / "client.js", lonely_.socket(), "npm"},
             .environment = {{"NODE_PATH", node_packages()}}}),
        "npm");
}

TEST_F(ForeignClients, OneOfDebianWorksUnchanged) {
  if (run({.argv = {"/usr/bin/python3", "-c", "import pynvim"}}).status != 0) {
    GTEST_SKIP() << "needs Debian's python3-pynvim; ./dev setup installs it";
  }
  check(run({.argv = {"/usr/bin/python3", kScripts / "client.py", lonely_.socket(), "debian"}}),
        "debian");
}

}  // namespace
}  // namespace outboxd::e2e
