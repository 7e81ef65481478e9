#include "client/ctl/import_run.h"

#include <atomic>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/fake_daemon.h"

namespace outboxd::ctl {
namespace {

using client::FailureKind;
using client::Json;
using client::testing::FakeDaemon;
using client::testing::IncomingRequest;
using client::testing::refusal;
using client::testing::reply;
using order_import::ImportRequest;
using order_import::Item;
using order_import::Rejection;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ListedItems : public order_import::Source {
 public:
  explicit ListedItems(std::deque<Item> items) : items_(std::move(items)) {}
  domain::Result<std::optional<Item>> next() override {
    if (items_.empty()) return end_;
    std::optional<Item> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }
  [[nodiscard]] std::uint64_t bytes_read() const override { return 0; }
  void end_with(domain::Error error) { end_ = std::move(error); }

 private:
  std::deque<Item> items_;
  domain::Result<std::optional<Item>> end_ = std::optional<Item>();
};

ImportRequest create(const std::string& id, std::uint64_t line = 1) {
  return {.method = "order.create",
          .arguments = {{"order_id", id}},
          .order_id = id,
          .first_line = line,
          .rows = 1};
}

ImportRequest cancel(const std::string& id) {
  return {.method = "order.cancel",
          .arguments = {{"order_id", id}},
          .order_id = id,
          .first_line = 1,
          .rows = 1};
}

// Keeps orders as the real daemon does: the same again is a replay.
class Orders {
 public:
  client::testing::Answer handle(const IncomingRequest& request) {
    const std::string id = request.arguments["order_id"].get<std::string>();
    log.push_back(request.method + " " + id);
    auto& done = request.method == "order.create" ? created : cancelled;
    if (request.method == "order.cancel" && !created.contains(id)) {
      return refusal(request, "not_found", "there is no order " + id, "never", "order_id");
    }
    return reply(request, {{"order_id", id}, {"replayed", !done.insert(id).second}});
  }

  std::set<std::string> created;
  std::set<std::string> cancelled;
  std::vector<std::string> log;
};

class ImportRunTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string socket() const { return dir_.path("s"); }

  ImportRun run_of(order_import::Source& source,
                   std::chrono::milliseconds timeout = std::chrono::milliseconds(5000)) {
    return {source,
            {.socket = socket(), .timeout = timeout},
            [this](const Rejection& rejection) { rejections_.push_back(rejection); },
            [](const ImportReport&) {}};
  }

  std::vector<Rejection> rejections_;

 private:
  client::testing::TempDir dir_;
};

std::deque<Item> many_orders(int count) {
  std::deque<Item> items;
  for (int i = 0; i < count; ++i) items.emplace_back(create("o-" + std::to_string(i)));
  return items;
}

TEST_F(ImportRunTest, EverythingIsHandedOverAndCounted) {
  Orders orders;
  FakeDaemon daemon(socket(), [&](const auto& request) { return orders.handle(request); });
  ListedItems source({create("a"), Rejection{.line = 7, .reason = "zero_price", .message = "no"},
                      create("b"), cancel("a")});
  ImportRun run = run_of(source);
  ASSERT_TRUE(run.run().ok());
  EXPECT_EQ(run.report().created, 2U);
  EXPECT_EQ(run.report().cancelled, 1U);
  EXPECT_EQ(run.report().replayed, 0U);
  EXPECT_EQ(run.report().events(), 3U);
  EXPECT_EQ(run.report().rows, 4U);
  EXPECT_THAT(run.report().rejected, ElementsAre(std::pair{"zero_price", 1}));
  EXPECT_EQ(rejections_.size(), 1U);
}

TEST_F(ImportRunTest, TheSecondTimeEverythingIsReplayed) {
  Orders orders;
  FakeDaemon daemon(socket(), [&](const auto& request) { return orders.handle(request); });
  const std::deque<Item> items = {create("a"), create("b"), cancel("a")};
  ListedItems once(items);
  ASSERT_TRUE(run_of(once).run().ok());
  ListedItems again(items);
  ImportRun run = run_of(again);
  ASSERT_TRUE(run.run().ok());
  EXPECT_EQ(run.report().created, 0U);
  EXPECT_EQ(run.report().replayed, 2U);
  EXPECT_EQ(run.report().cancellations_replayed, 1U);
  EXPECT_EQ(run.report().events(), 0U);
}

TEST_F(ImportRunTest, WhatTheDaemonRefusesIsARejectedRowWithItsCode) {
  Orders orders;
  FakeDaemon daemon(socket(), [&](const auto& request) { return orders.handle(request); });
  ListedItems source({cancel("stranger"), create("a")});
  ImportRun run = run_of(source);
  ASSERT_TRUE(run.run().ok());
  EXPECT_THAT(run.report().rejected, ElementsAre(std::pair{"not_found", 1}));
  EXPECT_EQ(run.report().created, 1U);
}

TEST_F(ImportRunTest, ARequestThatCannotBeSentIsARejectedRow) {
  Orders orders;
  FakeDaemon daemon(socket(), [&](const auto& request) { return orders.handle(request); });
  ImportRequest large = create("large");
  large.arguments["customer_id"] = std::string(2 << 20, 'x');
  ListedItems source({large, create("a")});
  ImportRun run = run_of(source);
  ASSERT_TRUE(run.run().ok());
  EXPECT_THAT(run.report().rejected, ElementsAre(std::pair{"too_large", 1}));
  EXPECT_EQ(run.report().created, 1U);
}

TEST_F(ImportRunTest, ADaemonThatDiesInTheMiddleLosesNothing) {
  Orders orders;
  int requests = 0;
  FakeDaemon daemon(socket(), [&](const IncomingRequest& request) {
    auto answer = orders.handle(request);
    // Twice it does the work and dies before it says so.
    if (++requests == 100 || requests == 150) return client::testing::hang_up();
    return answer;
  });
  ListedItems source(many_orders(400));
  ImportRun run = run_of(source);
  ASSERT_TRUE(run.run().ok());
  EXPECT_EQ(orders.created.size(), 400U);
  EXPECT_EQ(run.report().created + run.report().replayed, 400U);
  EXPECT_GE(run.report().replayed, 2U) << "done, but not said before the connection was lost";
  EXPECT_EQ(run.report().connections_lost, 2U);
  EXPECT_GT(run.report().resent, 0U);
}

TEST_F(ImportRunTest, AfterALostConnectionRequestsKeepTheirOrder) {
  Orders orders;
  bool died = false;
  FakeDaemon daemon(socket(), [&](const IncomingRequest& request) {
    if (!std::exchange(died, true)) return client::testing::hang_up();
    return orders.handle(request);
  });
  ListedItems source({create("a"), create("b"), create("c"), cancel("c"), create("d")});
  ASSERT_TRUE(run_of(source).run().ok());
  EXPECT_THAT(orders.log, ElementsAre("order.create a", "order.create b", "order.create c",
                                      "order.cancel c", "order.create d"));
}

TEST_F(ImportRunTest, WhatTheDaemonPutsOffIsTriedAgainUntilItIsTaken) {
  Orders orders;
  std::map<std::string, int> refused;
  FakeDaemon daemon(socket(), [&](const IncomingRequest& request) {
    const std::string id = request.arguments["order_id"].get<std::string>();
    if (refused[id]++ < 2) return refusal(request, "storage_full", "wait", "later");
    return orders.handle(request);
  });
  // Were the cancellation sent along, it would find no order.
  ListedItems source({create("a"), cancel("a"), create("b")});
  ImportRun run = run_of(source);
  ASSERT_TRUE(run.run().ok());
  EXPECT_EQ(run.report().created, 2U);
  EXPECT_EQ(run.report().cancelled, 1U);
  EXPECT_THAT(run.report().rejected, IsEmpty());
}

TEST_F(ImportRunTest, WithoutADaemonAtTheStartItIsUnreachableAtOnce) {
  ListedItems source(many_orders(1));
  ImportRun run = run_of(source);
  const auto status = run.run();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, FailureKind::kUnreachable);
}

TEST_F(ImportRunTest, ADaemonThatStaysAwayLeavesTheOutcomeUnknown) {
  auto daemon = std::make_unique<FakeDaemon>(
      socket(), [](const IncomingRequest&) { return client::testing::hang_up(); });
  ListedItems source(many_orders(3));
  ImportRun run = run_of(source, std::chrono::milliseconds(100));
  const auto status = run.run();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, FailureKind::kOutcomeUnknown);
  EXPECT_EQ(status.error().retry, "same_id");
}

TEST_F(ImportRunTest, ARefusalThatConcernsEveryRequestEndsTheRun) {
  FakeDaemon daemon(socket(), [](const IncomingRequest& request) {
    return refusal(request, "permission_denied", "you may only read", "never");
  });
  ListedItems source(many_orders(10));
  ImportRun run = run_of(source);
  const auto status = run.run();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, FailureKind::kRefused);
  EXPECT_EQ(status.error().code, "permission_denied");
}

TEST_F(ImportRunTest, AFileThatCannotBeReadFurtherEndsTheRunAndSaysSo) {
  Orders orders;
  FakeDaemon daemon(socket(), [&](const auto& request) { return orders.handle(request); });
  ListedItems source({});
  source.end_with(domain::bad_request("format", "no column UnitPrice"));
  ImportRun run = run_of(source);
  const auto status = run.run();
  ASSERT_FALSE(status.ok());
  EXPECT_TRUE(run.source_failed());
  EXPECT_EQ(status.error().message, "no column UnitPrice");
}

}  // namespace
}  // namespace outboxd::ctl
