#include "daemon/config.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace outboxd::daemon {
namespace {

using config::Problem;

std::vector<Problem> problems_of(std::string_view toml) {
  Config config;
  return parse_config(toml, "test.toml", config);
}

TEST(ConfigTest, AnEmptyFileIsGood) {
  EXPECT_TRUE(problems_of("").empty());
}

constexpr std::string_view kEveryKey = R"(
    data_dir = "/data"
    socket = "/sock"
    producer = "till-7"
    modules = ["payments", "orders", "reservations"]
    [log]
    level = "debug"
    [broker]
    endpoint = "tcp://127.0.0.1:7701"
    window_events = 10
    window_bytes = 2097152
    [outbox]
    max_backlog_events = 5
    ack_flush_ms = 7
    [orders]
    unpublished_ttl_ms = "never"
    [payments]
    gateway = "http"
    url = "https://pay.example/charges"
    refund_url = "https://pay.example/back"
    authorization_file = "/etc/outboxd/gateway"
    timeout_ms = 3000
    latency_ms = 15
    workers = 2
    [reservations]
    hold_ttl_ms = 5000
    token_ttl_ms = 6000
    [topics.orders]
    on = "consumed:payments"
    [topics.stock]
    on = "broker"
    [inbox]
    mark_ttl_ms = 5000
    [storage]
    soft_free_bytes = 20
    hard_free_bytes = 10
    request_ttl_ms = "never"
    [access]
    read = ["a"]
    write = ["b", "c"]
    admin = []
  )";

TEST(ConfigTest, EveryKeyReachesItsField) {
  Config config;
  const auto problems = parse_config(kEveryKey, "test.toml", config);
  ASSERT_TRUE(problems.empty()) << config::describe(problems);
  EXPECT_EQ(config.data_dir, "/data");
  EXPECT_EQ(config.socket, "/sock");
  EXPECT_EQ(config.producer, "till-7");
  EXPECT_EQ(config.modules, (std::vector<std::string>{"payments", "orders", "reservations"}));
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.broker.endpoint, "tcp://127.0.0.1:7701");
  EXPECT_EQ(config.broker.window_events, 10);
  EXPECT_EQ(config.broker.window_bytes, 2097152);
  EXPECT_EQ(config.outbox.max_backlog_events, 5);
  EXPECT_EQ(config.outbox.ack_flush_ms, 7);
  EXPECT_EQ(config.orders.unpublished_ttl_ms, std::nullopt);
  EXPECT_EQ(config.reservations.hold_ttl_ms, 5000);
  EXPECT_EQ(config.reservations.token_ttl_ms, 6000);
  EXPECT_EQ(config.payments.gateway, "http");
  EXPECT_EQ(config.payments.url, "https://pay.example/charges");
  EXPECT_EQ(config.payments.refund_url, "https://pay.example/back");
  EXPECT_EQ(config.payments.authorization_file, "/etc/outboxd/gateway");
  EXPECT_EQ(config.payments.timeout_ms, 3000);
  EXPECT_EQ(config.payments.latency_ms, 15);
  EXPECT_EQ(config.payments.workers, 2);
  EXPECT_EQ(consuming_group(config.topics.at("orders")), "payments");
  EXPECT_EQ(consuming_group(config.topics.at("stock")), std::nullopt);
  EXPECT_EQ(config.inbox.mark_ttl_ms, 5000);
  EXPECT_EQ(config.storage.soft_free_bytes, 20);
  EXPECT_EQ(config.storage.hard_free_bytes, 10);
  EXPECT_EQ(config.storage.request_ttl_ms, std::nullopt);
  EXPECT_EQ(config.access.read, std::vector<std::string>{"a"});
  EXPECT_EQ(config.access.write, (std::vector<std::string>{"b", "c"}));
  EXPECT_TRUE(config.access.admin.empty());
}

TEST(ConfigTest, AProblemNamesFileLineKeyAndWhatIsAllowed) {
  const auto problems = problems_of("socket = \"/s\"\ncolour = 1\n[log]\nlevel = \"loud\"\n");
  ASSERT_EQ(problems.size(), 2U);
  for (const Problem& problem : problems) EXPECT_EQ(problem.file, "test.toml");
  EXPECT_EQ(problems[0].line, 2U);
  EXPECT_EQ(problems[0].key, "colour");
  EXPECT_EQ(problems[1].line, 4U);
  EXPECT_EQ(problems[1].key, "log.level");
  EXPECT_NE(problems[1].message.find("warning"), std::string::npos) << problems[1].message;
}

TEST(ConfigTest, RefusesValuesThatMakeNoSense) {
  for (const char* toml :
       {"producer = \"not an id\"", "modules = [\"coffee\"]", "[broker]\nendpoint = \"http://x\"",
        "[broker]\nendpoint = \"tcp://192.0.2.1:7701\"", "[broker]\nwindow_events = 0",
        "[outbox]\nmax_backlog_events = -1", "[storage]\nrequest_ttl_ms = \"sometimes\"",
        "[storage]\nsoft_free_bytes = 10\nhard_free_bytes = 20", "data_dir = \"\"",
        "data_dir = 3"}) {
    EXPECT_EQ(problems_of(toml).size(), 1U) << toml;
  }
}

TEST(ConfigTest, RefusesGatewaysThatCannotBeAskedOrWouldBeAskedInPlainText) {
  EXPECT_EQ(problems_of("[payments]\ngateway = 'cash'").size(), 1U);
  EXPECT_EQ(problems_of("[payments]\ngateway = 'http'").size(), 1U);
  EXPECT_EQ(problems_of("[payments]\nurl = 'http://pay.example/'").size(), 1U);
  EXPECT_EQ(problems_of("[payments]\nrefund_url = 'pay.example'").size(), 1U);
  EXPECT_EQ(problems_of("[payments]\ntimeout_ms = 0").size(), 1U);
  EXPECT_EQ(problems_of("[payments]\nworkers = 0").size(), 1U);
  EXPECT_TRUE(problems_of("[payments]\ngateway = 'http'\nurl = 'http://127.0.0.1:1/'").empty());
}

TEST(ConfigTest, RefusesAnAuthorizationThatNobodyIsToldOrThatIsFoundByAccident) {
  const std::string http = "[payments]\ngateway = 'http'\nurl = 'https://pay.example/'\n";
  EXPECT_TRUE(problems_of(http + "authorization_file = 'gateway'").empty());
  EXPECT_EQ(problems_of(http + "authorization_file = 'keys/gateway'").size(), 1U);
  const auto simulated = problems_of("[payments]\nauthorization_file = '/key'");
  ASSERT_EQ(simulated.size(), 1U);
  EXPECT_EQ(simulated[0].key, "payments.authorization_file");
}

TEST(ConfigTest, RefusesTopicsAndGroupsThatNobodyCanConsume) {
  EXPECT_EQ(problems_of("[topics.orders]\non = 'consumed:'").size(), 1U);
  EXPECT_EQ(problems_of("[topics.orders]\non = 'consumed:a b'").size(), 1U);
  EXPECT_EQ(problems_of("[topics.orders]\non = 'payments'").size(), 1U);
  EXPECT_EQ(problems_of("[topics.'a:b']\non = 'broker'").size(), 1U);
  EXPECT_EQ(problems_of("[topics.'dead:orders:payments']\non = 'broker'").size(), 1U);
}

TEST(ConfigTest, TheCommandLineOverridesAndIsCheckedLikeAFile) {
  Config config;
  EXPECT_TRUE(load_config("/dev/null",
                          {.data_dir = "/d",
                           .socket = "/s",
                           .broker_endpoint = "tcp://127.0.0.1:1",
                           .producer = "p",
                           .modules = std::vector<std::string>{"orders", "payments"}},
                          config)
                  .empty());
  EXPECT_EQ(config.data_dir, "/d");
  EXPECT_EQ(config.broker.endpoint, "tcp://127.0.0.1:1");
  EXPECT_EQ(config.producer, "p");

  const auto problems =
      load_config("/dev/null",
                  {.producer = "not an id", .modules = std::vector<std::string>{"coffee"}}, config);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].key, "--producer");
  EXPECT_EQ(problems[1].key, "--modules");
}

TEST(ConfigTest, WithoutAProducerTheStoreSaysWhoItIs) {
  Config config;
  ASSERT_TRUE(load_config("/dev/null", {}, config).empty());
  EXPECT_TRUE(config.producer.empty());
}

TEST(ConfigTest, AProducerMayNotBeNamedAsTheLaterLifeOfAnother) {
  Config config;
  const auto problems = parse_config("producer = \"till:life-1\"", "f", config);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].key, "producer");
}

TEST(ConfigTest, AFileThatIsNotThereIsAProblem) {
  Config config;
  const auto problems = load_config("/nonexistent/outboxd.toml", {}, config);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].file, "/nonexistent/outboxd.toml");
}

TEST(ConfigTest, ReservationsAreCompleteWhenThePaymentsHaveThemUnlessAFileSaysOtherwise) {
  Config config;
  EXPECT_EQ(consuming_group(topics_with_rules(config).at("reservations")), "payments");
  config.topics["reservations"].on = "broker";
  EXPECT_EQ(consuming_group(topics_with_rules(config).at("reservations")), std::nullopt);
  config.topics.clear();
  config.modules = {"orders"};
  EXPECT_TRUE(topics_with_rules(config).empty());
}

TEST(ConfigTest, HoldsAndTokensLastForABoundedTime) {
  for (const std::string toml : {"hold_ttl_ms = 0", "hold_ttl_ms = 604800001", "token_ttl_ms = 0",
                                 "token_ttl_ms = 86400001"}) {
    Config config;
    EXPECT_EQ(parse_config("[reservations]\n" + toml, "test.toml", config).size(), 1U) << toml;
  }
}

}  // namespace
}  // namespace outboxd::daemon
