// The consumers of docs/examples count each order once, whatever is killed (G8).
#include <cstdint>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/appliance.h"
#include "tests/e2e/node_packages.h"
#include "tests/support/paths.h"

namespace outboxd::e2e {
namespace {

const std::string kExamples = support::source_dir() + "/docs/examples/consumers/";

class Consumers : public ApplianceTest {
 protected:
  void SetUp() override {
    if (!has_node()) GTEST_SKIP() << "needs Debian's nodejs and npm; ./dev setup installs them";
    if (run({.argv = {"/usr/bin/python3", "-c", "import msgpack"}}).status != 0) {
      GTEST_SKIP() << "needs Debian's python3-msgpack; ./dev setup installs it";
    }
    packages_ = node_packages();
    broker_.start();
    daemon_.start();
  }

  std::unique_ptr<Process> python() {
    return std::make_unique<Process>(ProcessOptions{
        .argv = {"/usr/bin/python3", kExamples + "stock.py", daemon_.socket(), "py"}});
  }
  std::unique_ptr<Process> node() {
    return std::make_unique<Process>(
        ProcessOptions{.argv = {"/usr/bin/node", kExamples + "stock.js", daemon_.socket(), "js"},
                       .environment = {{"NODE_PATH", packages_}}});
  }

  // Creates the next `count` orders of three things each.
  void sell(int count) {
    Client client = daemon_.connect();
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(++sold_);
      ok(client.call(
          "order.create",
          {{"order_id", "order-" + number},
           {"customer_id", "c"},
           {"payment_method", "pm_ok"},
           {"currency", "GBP"},
           {"lines",
            {{{"sku", "tea"}, {"quantity", sold_}, {"unit_price", 1}},
             {{"sku", "cup-" + std::to_string(sold_ % 3)}, {"quantity", 1}, {"unit_price", 1}}}}}));
    }
  }

  std::int64_t counted(const std::string& key) {
    return daemon_.ask("state.get", {{"key", key}}).at("value").get<std::int64_t>();
  }

  void expect_each_order_counted_once(const std::string& name) {
    EXPECT_EQ(counted(name + ":orders"), sold_);
    EXPECT_EQ(counted(name + ":sold:tea"), sold_ * (sold_ + 1) / 2);
    EXPECT_EQ(counted(name + ":sold:cup-0") + counted(name + ":sold:cup-1") +
                  counted(name + ":sold:cup-2"),
              sold_);
  }

  std::string packages_;
  std::int64_t sold_ = 0;
};

TEST_F(Consumers, InPythonAndNodeCountEachOrderOnceWhateverIsKilled) {
  auto py = python();
  auto js = node();
  sell(60);
  ASSERT_TRUE(py->wait_for_output("orders 20\n"));
  py->kill();
  ASSERT_TRUE(js->wait_for_output("orders 20\n"));
  js->kill();

  py = python();
  js = node();
  sell(60);
  ASSERT_TRUE(py->wait_for_output("orders "));
  daemon_.kill();
  py->wait();  // both end with the daemon
  js->wait();
  daemon_.start();

  py = python();
  js = node();
  sell(60);
  ASSERT_TRUE(py->wait_for_output("orders "));
  ASSERT_TRUE(js->wait_for_output("orders "));
  broker_.kill();
  broker_.start();
  sell(30);

  ASSERT_TRUE(py->wait_for_output("orders " + std::to_string(sold_) + "\n"));
  ASSERT_TRUE(js->wait_for_output("orders " + std::to_string(sold_) + "\n"));
  expect_each_order_counted_once("py");
  expect_each_order_counted_once("js");
}

// outbox.wait knows when each order was counted, because the topic is complete when it was.
TEST_F(Consumers, TwoOfOneGroupShareItsEventsAndCompleteThem) {
  EXPECT_EQ(daemon_.stop(), 0);
  daemon_.configure("[topics.orders]\non = 'consumed:py'\n");
  daemon_.start();
  const auto first = python();
  const auto second = python();
  Client client = daemon_.connect();
  sell(40);
  for (std::int64_t seq = 1; seq <= sold_; ++seq) {
    EXPECT_EQ(ok(client.call("outbox.wait", {{"seq", seq}, {"level", "consumed"}})).at("level"),
              "consumed");
  }
  expect_each_order_counted_once("py");
}

}  // namespace
}  // namespace outboxd::e2e
