#include "client/ctl/command_line.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/ctl/command_line_fixture.h"
#include "tests/unit/client/fake_daemon.h"

namespace outboxd::ctl {
namespace {

using client::testing::Answer;
using client::testing::FakeDaemon;
using client::testing::IncomingRequest;
using client::testing::notification;
using client::testing::refusal;
using client::testing::reply;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Json kOrder = {{"order_id", "o-1"},
                     {"customer_id", "c-7"},
                     {"status", "CREATED"},
                     {"currency", "GBP"},
                     {"total", 1509},
                     {"lines",
                      {{{"sku", "A"}, {"quantity", 2}, {"unit_price", 255}},
                       {{"sku", "B:1"}, {"quantity", 1}, {"unit_price", 999}}}},
                     {"payment_method", "pm_ok"},
                     {"created_at", "2010-12-01T08:26:00.000Z"},
                     {"replayed", false},
                     {"seq", 1}};

TEST_F(CommandLineTest, ACreatedOrderIsShownWithItsLinesAndMoney) {
  Json sent;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    sent = request.arguments;
    return reply(request, kOrder);
  });
  const Ended ended =
      ctl({"order", "create", "--id", "o-1", "--customer", "c-7", "--payment-method", "pm_ok",
           "--currency", "GBP", "--line", "A:2:255", "--line", "B:1:1:999"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(sent.dump(),
            R"({"order_id":"o-1","customer_id":"c-7","payment_method":"pm_ok","currency":"GBP",)"
            R"("lines":[{"sku":"A","quantity":2,"unit_price":255},)"
            R"({"sku":"B:1","quantity":1,"unit_price":999}]})");
  EXPECT_THAT(ended.out, HasSubstr("total           15.09 GBP\n"));
  EXPECT_THAT(ended.out, HasSubstr("SKU  QUANTITY  UNIT PRICE  DESCRIPTION\n"
                                   "A           2    2.55 GBP\n"
                                   "B:1         1    9.99 GBP\n"));
}

TEST_F(CommandLineTest, AnOrderWithoutAnIdGetsOneThatIsNamedWhenTheOutcomeIsUnknown) {
  std::promise<std::string> asked_for;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    asked_for.set_value(request.arguments["order_id"].get<std::string>());
    return client::testing::hang_up();
  });
  const Ended ended = ctl({"order", "create", "--customer", "c", "--payment-method", "pm_ok",
                           "--currency", "GBP", "--line", "A:1:1"});
  EXPECT_EQ(ended.status, kOutcomeUnknown);
  const std::string id = asked_for.get_future().get();
  EXPECT_EQ(id.size(), 32U);
  EXPECT_THAT(ended.err, HasSubstr("--id " + id));
}

TEST_F(CommandLineTest, JsonIsTheDaemonsResultOnOneLineWhereverTheFlagStands) {
  FakeDaemon daemon(path("s"), [](const auto& request) { return reply(request, kOrder); });
  EXPECT_EQ(ctl({"--json", "order", "get", "o-1"}).out, kOrder.dump() + "\n");
  EXPECT_EQ(ctl({"order", "get", "o-1", "--json"}).out, kOrder.dump() + "\n");
}

TEST_F(CommandLineTest, ARefusalIsOneLineWithCodeAndArgumentAndEndsWith1) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    return refusal(request, "not_found", "there is no order\n\033[2Jx", "never", "order_id");
  });
  const Ended ended = ctl({"order", "get", "x"});
  EXPECT_EQ(ended.status, kRefused);
  EXPECT_EQ(ended.err, "outboxctl: not_found (order_id): there is no order??[2Jx\n");
  EXPECT_THAT(ended.out, IsEmpty());
}

TEST_F(CommandLineTest, WrongUsageEndsWith2) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"nonsense"},
      {"order"},
      {"order", "get"},
      {"order", "get", "a", "b"},
      {"status", "--timeout", "soon"},
      {"order", "create", "--customer", "c"},
      {"order", "create", "--customer", "c", "--payment-method", "p", "--currency", "GBP", "--line",
       "A:1:2.55"},
      {"outbox", "wait", "1", "--level", "perhaps"},
      {"outbox", "get", "first"},
      {"payment", "get"},
      {"payment", "get", "pay_1", "--order", "o-1"},
      {"payment", "get", "pay_1", "--source", "till-1"},
      {"dead", "show"},
      {"dead", "replay"},
      {"dead", "discard", "0"},
      {"dead", "discard", "3", "--all"},
      {"broker", "dead", "list", "--topic", "orders"},
      {"broker", "dead", "show", "1"},
      {"broker", "dead", "replay", "--topic", "orders", "--group", "payments"},
      {"broker", "dead", "discard", "--topic", "o", "--group", "g", "--all", "7"},
      {"tx", "commit", "/nonexistent/file.json"},
      {"order", "import", "/nonexistent/file.csv"},
      {"order", "import", "/"}};
  for (const auto& arguments : wrong) {
    const Ended ended = ctl(arguments);
    EXPECT_EQ(ended.status, kUsage) << ::testing::PrintToString(arguments);
    EXPECT_THAT(ended.err, ::testing::Not(IsEmpty()));
  }
}

TEST_F(CommandLineTest, WrongUsageIsOneLineThatNamesWhatWasNotUnderstood) {
  EXPECT_EQ(ctl({"order", "git", "x"}).err,
            "outboxctl: there is no command or option git; see outboxctl --help\n");
  EXPECT_EQ(ctl({"status", "--loudly"}).err,
            "outboxctl: there is no command or option --loudly; see outboxctl --help\n");
  EXPECT_EQ(ctl({"order", "get"}).err, "outboxctl: ID is required; see outboxctl --help\n");
}

TEST_F(CommandLineTest, HelpAndVersionAreNoMistake) {
  const Ended help = ctl({"order", "create", "--help"});
  EXPECT_EQ(help.status, kDone);
  EXPECT_THAT(help.out, HasSubstr("SKU:QTY:PRICE"));
  EXPECT_EQ(ctl({"--version"}).status, kDone);
}

TEST_F(CommandLineTest, WithoutADaemonItEndsWith3) {
  const Ended ended = ctl({"status"});
  EXPECT_EQ(ended.status, kUnreachable);
  EXPECT_THAT(ended.err, HasSubstr(path("s")));
}

TEST_F(CommandLineTest, AnAnswerThatDoesNotComeEndsWith4) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest&) { return client::testing::silence(); });
  const Ended ended = ctl({"--timeout", "20ms", "order", "cancel", "o-1"});
  EXPECT_EQ(ended.status, kOutcomeUnknown);
  EXPECT_THAT(ended.err, HasSubstr("run the same command again"));
}

TEST_F(CommandLineTest, AResultOfAnotherShapeThanTheApisEndsWith4) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    return reply(request, {{"total", "much"}, {"currency", 7}});
  });
  EXPECT_EQ(ctl({"order", "get", "o-1"}).status, kOutcomeUnknown);
}

TEST_F(CommandLineTest, ListsAreFollowedPageByPageUpToTheLimit) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    const auto first = request.arguments.contains("after")
                           ? std::stoi(request.arguments["after"].get<std::string>()) + 1
                           : 0;
    Json orders = Json::array();
    const auto limit = request.arguments["limit"].get<int>();
    for (int i = first; i < first + std::min(limit, 2) && i < 5; ++i) {
      Json order = kOrder;
      order["order_id"] = std::to_string(i);
      orders.push_back(order);
    }
    const int end = first + static_cast<int>(orders.size());
    return reply(request, {{"orders", orders},
                           {"next", end < 5 ? Json(std::to_string(end - 1)) : Json(nullptr)}});
  });
  const Ended all = ctl({"order", "list"});
  EXPECT_EQ(std::count(all.out.begin(), all.out.end(), '\n'), 6) << all.out;
  EXPECT_THAT(all.out, HasSubstr("ORDER  STATUS       TOTAL  LINES  CUSTOMER  CREATED\n"
                                 "0      CREATED  15.09 GBP      2  c-7       2010-12-01T08"));
  const Ended some = ctl({"order", "list", "--limit", "3"});
  EXPECT_THAT(some.out, HasSubstr("There are more: --after 2\n"));
  const Ended lines = ctl({"order", "list", "--after", "2", "--json"});
  EXPECT_EQ(std::count(lines.out.begin(), lines.out.end(), '\n'), 2) << lines.out;
}

TEST_F(CommandLineTest, StatusIsShownWithUnits) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    return reply(request, {{"version", "0.1.0"},
                           {"outbox", {{"pending", 3}, {"oldest_age_ms", 65'000}}},
                           {"storage", {{"free_bytes", 4ULL << 30}}}});
  });
  EXPECT_EQ(ctl({"status"}).out,
            "version            0.1.0\n"
            "outbox pending     3\n"
            "outbox oldest age  1 min 5 s\n"
            "storage free       4.0 GiB\n");
}

TEST_F(CommandLineTest, WaitingInVainForAnEventEndsWith4) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    return refusal(request, "timeout", "waited " + request.arguments["timeout_ms"].dump() + " ms",
                   "later");
  });
  const Ended ended = ctl({"outbox", "wait", "7", "--timeout", "250ms"});
  EXPECT_EQ(ended.status, kOutcomeUnknown);
  EXPECT_EQ(ended.err, "outboxctl: timeout: waited 250 ms\n");
}

TEST_F(CommandLineTest, TailShowsEventsAndWhatWasMissed) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    const Json event = {
        {"subject", "o-1"},       {"type", "order.created"}, {"time", "2010-12-01T08:26:00.000Z"},
        {"data", {{"total", 1}}}, {"topic", "orders"},       {"seq", 8}};
    return reply(request, Json::object()) +
           notification("missed", {{"from_seq", 1}, {"to_seq", 7}}) + notification("event", event);
  });
  const Ended ended = ctl({"tail", "orders", "--from", "1", "--count", "1"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(ended.out,
            "-- events 1 to 7 were removed before they were read\n"
            "8  2010-12-01T08:26:00.000Z  orders  order.created  o-1  {\"total\":1}\n");
}

TEST_F(CommandLineTest, ATailWhoseDaemonGoesAwayEndsWith3) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    return reply(request, Json::object()) + client::testing::hang_up();
  });
  EXPECT_EQ(ctl({"tail"}).status, kUnreachable);
}

TEST_F(CommandLineTest, ABrokersTopicIsReadToItsEnd) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    const auto offset = request.arguments["offset"].get<int>();
    Json events = Json::array();
    for (int i = offset; i < std::min(offset + 2, 6); ++i) {
      events.push_back({{"offset", i}, {"type", "order.created"}});
    }
    const int next = offset + static_cast<int>(events.size());
    return reply(request, {{"events", events}, {"next_offset", next}});
  });
  const Ended ended = ctl({"--json", "broker", "tail", "orders", "--from", "3"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(ended.out,
            "{\"offset\":3,\"type\":\"order.created\"}\n{\"offset\":4,\"type\":\"order.created\"}\n"
            "{\"offset\":5,\"type\":\"order.created\"}\n");
}

TEST_F(CommandLineTest, ATransactionIsReadFromAFile) {
  Json sent;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    sent = request.arguments;
    return reply(request, {{"versions", {{"k", 1}}}, {"first_seq", 4}, {"seq", 4}});
  });
  std::ofstream(path("tx.json")) << R"({"request_id":"r","put":[{"key":"k","value":[1.5]}]})";
  const Ended ended = ctl({"tx", "commit", path("tx.json")});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(sent.dump(), R"({"request_id":"r","put":[{"key":"k","value":[1.5]}]})");
  EXPECT_EQ(ended.out, "first_seq  4\nseq        4\n\nKEY  VERSION\nk          1\n");
}

TEST_F(CommandLineTest, ATransactionThatIsNoJsonObjectIsWrongUsage) {
  std::ofstream(path("tx.json")) << "[1]";
  EXPECT_EQ(ctl({"tx", "commit", path("tx.json")}).status, kUsage);
}

TEST_F(CommandLineTest, AnImportEndsWithASummaryAndAReportOfRejectedRows) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    return request.method == "order.cancel"
               ? refusal(request, "not_found", "there is no order 9", "never", "order_id")
               : reply(request, {{"replayed", request.arguments["order_id"] == "8"}});
  });
  std::ofstream(path("day.csv"))
      << "InvoiceNo,StockCode,Description,Quantity,UnitPrice,CustomerID\n"
         "7,A,x,1,1.00,5.0\n7,B,x,1,0,5.0\n8,A,x,1,1.00,5.0\nC9,A,x,-1,1.00,5.0\n";
  const Ended ended =
      ctl({"order", "import", path("day.csv"), "--rejects", path("rejects"), "--json"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  const Json summary = Json::parse(ended.out);
  EXPECT_EQ(summary["rows"], 4);
  EXPECT_EQ(summary["created"], 1);
  EXPECT_EQ(summary["replayed"], 1);
  EXPECT_EQ(summary["rejected"].dump(), R"({"not_found":1,"zero_price":1})");
  EXPECT_EQ(ended.err, path("day.csv") + ":3: zero_price: UnitPrice 0: not a sale\n" +
                           path("day.csv") +
                           ":5: not_found: order.cancel 9: there is no order 9\n");
  std::stringstream report;
  report << std::ifstream(path("rejects")).rdbuf();
  EXPECT_EQ(report.str(), ended.err);
}

TEST_F(CommandLineTest, AnImportSpreadsInvoicesOverThePaymentMethodsThatAreGivenWithCommas) {
  std::vector<std::string> methods;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    methods.push_back(request.arguments["payment_method"].get<std::string>());
    return reply(request, {{"replayed", false}});
  });
  std::ofstream(path("day.csv"))
      << "InvoiceNo,StockCode,Description,Quantity,UnitPrice,CustomerID\n"
         "536365,A,x,1,1.00,5\n536366,A,x,1,1.00,5\n536367,A,x,1,1.00,5\n";
  const Ended ended = ctl({"order", "import", "--payment-method", "pm_ok,pm_decline,pm_flaky_2",
                           path("day.csv"), "--in-flight", "1"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_THAT(methods, ::testing::ElementsAre("pm_ok", "pm_decline", "pm_flaky_2"));
}

TEST_F(CommandLineTest, AnImportOfAFileThatIsNoneOfItsFormatIsWrongUsage) {
  FakeDaemon daemon(path("s"), [](const auto& request) { return reply(request, 1); });
  std::ofstream(path("day.csv")) << "a,b\n1,2\n";
  const Ended ended = ctl({"order", "import", path("day.csv")});
  EXPECT_EQ(ended.status, kUsage);
  EXPECT_THAT(ended.err, HasSubstr("InvoiceNo"));
}

}  // namespace
}  // namespace outboxd::ctl
