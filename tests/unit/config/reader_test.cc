#include "config/reader.h"

#include <deque>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace outboxd::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Topic {
  std::string on = "broker";
  std::optional<std::int64_t> ttl_ms = 1000;
};

struct Rule {
  std::string name;
  std::int64_t limit = 3;
};

struct Settings {
  std::string listen = "tcp://127.0.0.1:7701";
  std::string directory = "/var/lib/x";
  std::int64_t memory_mb = 16;
  bool sync = true;
  std::optional<std::int64_t> ttl_ms = 300000;
  std::vector<std::string> modules = {"orders"};
  std::map<std::string, Topic> topics;
  std::deque<Rule> rules;
};

class ReaderTest : public ::testing::Test {
 protected:
  ReaderTest() {
    reader_
        .text("listen", settings_.listen,
              {"tcp://HOST:PORT", [](std::string_view text) { return text.starts_with("tcp://"); }})
        .text("storage.directory", settings_.directory)
        .integer("storage.memory_mb", settings_.memory_mb, {.min = 4, .max = 1024})
        .boolean("storage.sync", settings_.sync)
        .duration_ms("ttl_ms", settings_.ttl_ms, {.min = 1})
        .texts("modules", settings_.modules, one_of({"orders", "payments"}))
        .tables("topics",
                {"lower-case letters",
                 [](std::string_view name) {
                   return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == name.npos;
                 }},
                [this](const std::string& name, Reader& table) {
                  Topic& topic = settings_.topics[name];
                  table.text("on", topic.on).duration_ms("ttl_ms", topic.ttl_ms);
                })
        .entries("rule", [this](Reader& entry) {
          Rule& rule = settings_.rules.emplace_back();
          entry.text("name", rule.name).integer("limit", rule.limit, {.min = 1});
          return [&rule]() -> std::optional<std::string> {
            if (rule.name.empty()) return "a rule needs a name";
            return std::nullopt;
          };
        });
  }

  std::vector<Problem> read(std::string_view toml) { return reader_.read_text(toml, "a.toml"); }

  // The only problem of `toml`, in words.
  std::string problem_of(std::string_view toml) {
    const std::vector<Problem> problems = read(toml);
    EXPECT_THAT(problems, SizeIs(1));
    return describe(problems);
  }

  Settings settings_;
  Reader reader_;
};

TEST_F(ReaderTest, AnEmptyFileLeavesEveryDefault) {
  EXPECT_THAT(read(""), IsEmpty());
  EXPECT_EQ(settings_.listen, "tcp://127.0.0.1:7701");
  EXPECT_EQ(settings_.memory_mb, 16);
  EXPECT_EQ(settings_.ttl_ms, 300000);
  EXPECT_THAT(settings_.modules, ElementsAre("orders"));
}

TEST_F(ReaderTest, EveryKindOfValueReachesItsVariable) {
  EXPECT_THAT(read(R"(
listen = "tcp://0.0.0.0:1"
ttl_ms = "never"
modules = ["payments", "orders"]
[storage]
directory = "/data"
memory_mb = 64
sync = false
)"),
              IsEmpty());
  EXPECT_EQ(settings_.listen, "tcp://0.0.0.0:1");
  EXPECT_EQ(settings_.directory, "/data");
  EXPECT_EQ(settings_.memory_mb, 64);
  EXPECT_FALSE(settings_.sync);
  EXPECT_EQ(settings_.ttl_ms, std::nullopt);
  EXPECT_THAT(settings_.modules, ElementsAre("payments", "orders"));
}

TEST_F(ReaderTest, ALaterFileReplacesKeyByKey) {
  ASSERT_THAT(read("[storage]\ndirectory = \"/one\"\nmemory_mb = 8"), IsEmpty());
  ASSERT_THAT(read("storage.memory_mb = 9"), IsEmpty());
  EXPECT_EQ(settings_.directory, "/one");
  EXPECT_EQ(settings_.memory_mb, 9);
}

TEST_F(ReaderTest, TablesOfTheUsersNamingAreReadEachIntoItsOwnVariables) {
  ASSERT_THAT(read("[topics.orders]\non = \"consumed:billing\"\n[topics.audit]\nttl_ms = 7"),
              IsEmpty());
  ASSERT_THAT(read("[topics.orders]\nttl_ms = \"never\""), IsEmpty());
  EXPECT_EQ(settings_.topics.at("orders").on, "consumed:billing");
  EXPECT_EQ(settings_.topics.at("orders").ttl_ms, std::nullopt);
  EXPECT_EQ(settings_.topics.at("audit").ttl_ms, 7);
}

TEST_F(ReaderTest, AnUnknownKeyIsNamedWithFileLineAndTheLikelyOne) {
  EXPECT_EQ(problem_of("\n[storage]\nmemory_md = 8"),
            "a.toml:3: storage.memory_md: unknown key; did you mean storage.memory_mb? "
            "Allowed here: storage.directory, storage.memory_mb, storage.sync");
}

TEST_F(ReaderTest, AnUnknownTableIsOneProblemAndListsWhatIsAllowed) {
  EXPECT_EQ(
      problem_of("[completely]\na = 1\nb = 2"),
      "a.toml:1: completely: unknown key. Allowed here: listen, modules, rule, storage, topics, "
      "ttl_ms");
}

TEST_F(ReaderTest, AnUnknownKeyInATableOfTheUsersNamingHasItsWholePath) {
  EXPECT_THAT(problem_of("[topics.orders]\nttl = 5"),
              HasSubstr("a.toml:2: topics.orders.ttl: unknown key; did you mean "
                        "topics.orders.ttl_ms?"));
}

TEST_F(ReaderTest, AValueOfTheWrongTypeSaysWhatIsAllowedAndChangesNothing) {
  EXPECT_EQ(problem_of("storage.memory_mb = \"8\""),
            "a.toml:1: storage.memory_mb: must be an integer from 4 to 1024, not the string \"8\"");
  EXPECT_EQ(settings_.memory_mb, 16);
  EXPECT_EQ(problem_of("storage.sync = 1"),
            "a.toml:1: storage.sync: must be true or false, not the integer 1");
  EXPECT_EQ(problem_of("storage = 1"), "a.toml:1: storage: must be a table, not the integer 1");
  EXPECT_EQ(problem_of("topics.orders = true"),
            "a.toml:1: topics.orders: must be a table, not true");
}

TEST_F(ReaderTest, AValueOutsideItsRangeSaysTheRange) {
  EXPECT_THAT(problem_of("storage.memory_mb = 3"), HasSubstr("must be an integer from 4 to 1024"));
  EXPECT_THAT(problem_of("storage.memory_mb = 1025"), HasSubstr("not the integer 1025"));
  EXPECT_EQ(problem_of("ttl_ms = 0"),
            "a.toml:1: ttl_ms: must be an integer of at least 1 (milliseconds), or \"never\", not "
            "the integer 0");
}

TEST_F(ReaderTest, ATextThatBreaksItsRuleSaysTheRule) {
  EXPECT_EQ(problem_of("listen = \"7701\""),
            "a.toml:1: listen: must be tcp://HOST:PORT, not the string \"7701\"");
  EXPECT_THAT(problem_of("modules = [\"orders\", \"sales\"]"),
              HasSubstr("must be an array in which each is one of \"orders\", \"payments\""));
  EXPECT_THAT(settings_.modules, ElementsAre("orders"));
  EXPECT_THAT(problem_of("[topics.\"1\"]"),
              HasSubstr("the name of the table must be lower-case letters"));
}

TEST_F(ReaderTest, BrokenTomlIsAProblemWithItsLine) {
  const std::vector<Problem> problems = read("listen = \"tcp://x\"\nstorage = [");
  ASSERT_THAT(problems, SizeIs(1));
  EXPECT_EQ(problems[0].line, 2U);
  EXPECT_EQ(settings_.listen, "tcp://127.0.0.1:7701");
}

TEST_F(ReaderTest, AllProblemsOfAFileAreReportedInOrderOfTheirLines) {
  const std::vector<Problem> problems =
      read("nonsense = 1\nttl_ms = -1\n[storage]\nsync = 2\nmemory_mb = 0");
  ASSERT_THAT(problems, SizeIs(4));
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(problems[i].line, i < 2 ? i + 1 : i + 2);
}

TEST_F(ReaderTest, EveryEntryOfAnArrayOfTablesHasVariablesOfItsOwn) {
  EXPECT_THAT(read("[[rule]]\nname = \"a\"\n[[rule]]\nname = \"b\"\nlimit = 7"), IsEmpty());
  EXPECT_THAT(read("[[rule]]\nname = \"c\""), IsEmpty());
  ASSERT_THAT(settings_.rules, SizeIs(3));
  EXPECT_EQ(settings_.rules[0].name, "a");
  EXPECT_EQ(settings_.rules[0].limit, 3);
  EXPECT_EQ(settings_.rules[1].limit, 7);
  EXPECT_EQ(settings_.rules[2].name, "c");
}

TEST_F(ReaderTest, WhatIsWrongWithAnEntryIsReportedWhereItStands) {
  EXPECT_EQ(problem_of("[[rule]]\nname = \"a\"\n[[rule]]\nlimit = 1"),
            "a.toml:3: rule: a rule needs a name");
  EXPECT_THAT(problem_of("[[rule]]\nlimit = 0"),
              HasSubstr("a.toml:2: rule.limit: must be an integer of at least 1"));
  EXPECT_THAT(problem_of("[[rule]]\nnam = \"a\""), HasSubstr("did you mean rule.name?"));
  EXPECT_EQ(problem_of("[rule]\nname = \"a\""),
            "a.toml:1: rule: must be an array of tables, not a table");
}

TEST_F(ReaderTest, DeclaringAKeyTwiceIsABug) {
  bool again = false;
  EXPECT_DEATH(reader_.boolean("listen", again), "declared twice: listen");
}

}  // namespace
}  // namespace outboxd::config
