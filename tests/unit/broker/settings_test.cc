#include "broker/settings.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/paths.h"

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() {
    std::string name = std::filesystem::temp_directory_path() / "outbox-broker-XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~SettingsTest() override { std::filesystem::remove_all(directory_); }

  std::string read(std::string_view toml) {
    const std::string file = directory_ / "b.toml";
    std::ofstream(file) << toml;
    return config::describe(read_settings(file, settings_));
  }

  std::filesystem::path directory_;
  Settings settings_;
};

TEST_F(SettingsTest, AnEmptyFileRunsWithTheDefaults) {
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(settings_.listen, "tcp://127.0.0.1:7701");
  EXPECT_EQ(settings_.data_dir, "/var/lib/outbox-broker");
  EXPECT_EQ(settings_.socket, "/run/outbox-broker/outbox-broker.sock");
  EXPECT_THAT(settings_.allowed_topics, IsEmpty());
}

TEST_F(SettingsTest, EveryKeyCanBeSet) {
  EXPECT_EQ(read(R"(
listen = "tcp://127.0.0.1:9"
data_dir = "/data"
socket = "/s"
[link]
window_events = 5
window_bytes = 2097152
peer_timeout_ms = 1000
max_connections = 6
[topics]
allowed = ["orders"]
retention_ms = 5000
[groups]
max_retries = 0
backoff_base_ms = 10
backoff_max_ms = 20
message_ttl_ms = "never"
dead_retention_ms = "never"
[[group]]
topic = "orders"
name = "payments"
max_retries = 9
[storage]
soft_free_bytes = 2
hard_free_bytes = 1
[log]
level = "debug"
)"),
            "");
  EXPECT_EQ(settings_.listen, "tcp://127.0.0.1:9");
  EXPECT_EQ(settings_.data_dir, "/data");
  EXPECT_EQ(settings_.socket, "/s");
  EXPECT_EQ(settings_.window_events, 5);
  EXPECT_EQ(settings_.window_bytes, 2'097'152);
  EXPECT_EQ(settings_.peer_timeout_ms, 1000);
  EXPECT_EQ(settings_.max_connections, 6);
  EXPECT_THAT(settings_.allowed_topics, ElementsAre("orders"));
  EXPECT_EQ(settings_.retention_ms, 5000);
  EXPECT_EQ(settings_.policy, (GroupPolicy{0, 10, 20, std::nullopt}));
  EXPECT_EQ(settings_.dead_retention_ms, std::nullopt);
  EXPECT_EQ(policy_of(settings_, "orders", "payments"), (GroupPolicy{9, 10, 20, std::nullopt}));
  EXPECT_EQ(settings_.soft_free_bytes, 2);
  EXPECT_EQ(settings_.hard_free_bytes, 1);
  EXPECT_EQ(settings_.log_level, "debug");
}

TEST_F(SettingsTest, WhatIsWrongIsNamedWithLineKeyAndWhatIsAllowed) {
  EXPECT_THAT(read("\nlisten = \"7701\""), HasSubstr("b.toml:2: listen: must be tcp://HOST:PORT"));
  EXPECT_THAT(read("data_dir = \"here\""), HasSubstr("must be an absolute path"));
  EXPECT_THAT(read("[link]\nwindow_events = 0"),
              HasSubstr("b.toml:2: link.window_events: must be"));
  EXPECT_THAT(read("[topics]\nallowed = [\"a b\"]"), HasSubstr("topics.allowed"));
  EXPECT_THAT(read("[log]\nlevel = \"loud\""), HasSubstr("\"warning\""));
  EXPECT_THAT(read("listn = 1"), HasSubstr("did you mean listen?"));
}

TEST_F(SettingsTest, AGroupInheritsFromGroupsWhereverThatStands) {
  EXPECT_EQ(read(R"(
[[group]]
topic = "orders"
name = "payments"
backoff_base_ms = 7
[[group]]
topic = "dead:orders:payments"
name = "orders.till:1"
[groups]
max_retries = 8
)"),
            "");
  EXPECT_EQ(policy_of(settings_, "orders", "payments"), (GroupPolicy{8, 7, 60'000, 600'000}));
  EXPECT_EQ(policy_of(settings_, "dead:orders:payments", "orders.till:1"), GroupPolicy{8});
  EXPECT_EQ(policy_of(settings_, "orders", "stock"), GroupPolicy{8});
}

TEST_F(SettingsTest, AGroupThatCannotBeIsRefusedWithItsLine) {
  EXPECT_THAT(read("[[group]]\nname = \"a\""), HasSubstr("b.toml:1: group: a group needs topic"));
  EXPECT_THAT(read("[[group]]\ntopic = \"a:b\"\nname = \"c\""),
              HasSubstr("b.toml:2: group.topic: must be a topic that groups can consume"));
  EXPECT_THAT(read("[[group]]\ntopic = \"a\"\nname = \"b\"\n"
                   "[[group]]\ntopic = \"a\"\nname = \"b\""),
              HasSubstr("b.toml:4: group: the group b of topic a occurs twice"));
  EXPECT_THAT(read("[[group]]\ntopic = \"a\"\nname = \"b\"\nmax_retries = -1"),
              HasSubstr("b.toml:4: group.max_retries: must be"));
}

TEST_F(SettingsTest, LimitsThatContradictEachOtherAreRefused) {
  EXPECT_THAT(read("[groups]\nbackoff_base_ms = 70000"),
              HasSubstr("backoff_base_ms (70000) must not exceed backoff_max_ms (60000)"));
  EXPECT_THAT(read("[storage]\nsoft_free_bytes = 1"),
              HasSubstr("storage.hard_free_bytes: must not exceed"));
}

TEST_F(SettingsTest, TheShippedFileShowsEveryKeyWithItsDefault) {
  std::ifstream shipped(support::source_dir() + "/packaging/outbox-broker.toml");
  std::string toml;
  std::size_t keys = 0;
  for (std::string line; std::getline(shipped, line);) {
    // "#key = value" is switched off; "# text" explains.
    if (line.size() < 2 || line[0] != '#' || line[1] == ' ') continue;
    toml += line.substr(1) + '\n';
    if (line.find('=') != line.npos) ++keys;
  }
  EXPECT_EQ(read(toml), "");
  EXPECT_EQ(keys, 17U);
  EXPECT_EQ(settings_, Settings{});
}

TEST_F(SettingsTest, AnEndpointThatIsNotOfThisMachineIsRefusedUntilThereAreKeys) {
  EXPECT_FALSE(problem_with_endpoint("tcp://127.0.0.1:0"));
  EXPECT_FALSE(problem_with_endpoint("ipc:///run/x"));
  EXPECT_TRUE(problem_with_endpoint("tcp://0.0.0.0:7701"));
  EXPECT_TRUE(problem_with_endpoint("udp://127.0.0.1:7701"));
}

}  // namespace
}  // namespace outboxd::broker
