// outboxctl payment get | list
#include <gmock/gmock.h>

#include "tests/unit/client/ctl/command_line_fixture.h"

namespace outboxd::ctl {
namespace {

using client::testing::FakeDaemon;
using client::testing::IncomingRequest;
using client::testing::refusal;
using client::testing::reply;
using ::testing::HasSubstr;

using PaymentCommandsTest = CommandLineTest;

const Json kPayment = {{"payment_id", "pay_1"},
                       {"order_id", "o-1"},
                       {"source", "till-1"},
                       {"amount", 1509},
                       {"currency", "GBP"},
                       {"payment_method", "pm_decline"},
                       {"status", "FAILED"},
                       {"attempts", 1},
                       {"failure", "declined"},
                       {"created_at", "2010-12-01T08:26:00.000Z"},
                       {"updated_at", "2010-12-01T08:26:00.000Z"}};

TEST_F(PaymentCommandsTest, APaymentIsShownWithItsMoneyAndWhyItFailed) {
  Json asked;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    asked = {{request.method, request.arguments}};
    return reply(request, kPayment);
  });
  const Ended ended = ctl({"payment", "get", "pay_1"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(asked.dump(), R"({"payment.get":{"payment_id":"pay_1"}})");
  EXPECT_THAT(ended.out, HasSubstr("amount          15.09 GBP\n"));
  EXPECT_THAT(ended.out, HasSubstr("failure         declined\n"));
  EXPECT_EQ(ctl({"--json", "payment", "get", "pay_1"}).out, kPayment.dump() + "\n");
}

TEST_F(PaymentCommandsTest, APaymentIsFoundByWhatItPaysFor) {
  Json asked;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    asked = request.arguments;
    return reply(request, kPayment);
  });
  ctl({"payment", "get", "--order", "o-1"});
  EXPECT_EQ(asked.dump(), R"({"order_id":"o-1"})");
  ctl({"payment", "get", "--order", "o-1", "--source", "till-1"});
  EXPECT_EQ(asked.dump(), R"({"order_id":"o-1","source":"till-1"})");
  ctl({"payment", "get", "--reservation", "r-1"});
  EXPECT_EQ(asked.dump(), R"({"reservation_id":"r-1"})");
  ctl({"payment", "get", "--reservation", "r-1", "--source", "till-1"});
  EXPECT_EQ(asked.dump(), R"({"source":"till-1","reservation_id":"r-1"})");
  EXPECT_EQ(ctl({"payment", "get", "pay_1", "--source", "till-1"}).status, kUsage);
}

TEST_F(PaymentCommandsTest, PaymentsAreListedByStatus) {
  Json asked;
  FakeDaemon daemon(path("s"), [&](const IncomingRequest& request) {
    asked = request.arguments;
    Json in_points = {{"payment_id", "pay_2"},
                      {"reservation_id", "r-1"},
                      {"points", 40},
                      {"status", "COMPLETED"}};
    return reply(request, {{"payments", Json::array({kPayment, in_points})}, {"next", nullptr}});
  });
  const Ended ended = ctl({"payment", "list", "--status", "FAILED"});
  EXPECT_EQ(ended.status, kDone) << ended.err;
  EXPECT_EQ(asked.dump(), R"({"status":"FAILED","limit":100})");
  EXPECT_EQ(ended.out,
            "PAYMENT  STATUS        AMOUNT  PAYS FOR  SOURCE  ATTEMPTS  FAILURE   CREATED\n"
            "pay_1    FAILED     15.09 GBP  o-1       till-1         1  declined  "
            "2010-12-01T08:26:00.000Z\n"
            "pay_2    COMPLETED  40 points  r-1       -              -  -         -\n");
}

TEST_F(PaymentCommandsTest, APaymentThatIsNotThereEndsWith1) {
  FakeDaemon daemon(path("s"), [](const IncomingRequest& request) {
    return refusal(request, "not_found", "there is no payment x", "never", "payment_id");
  });
  const Ended ended = ctl({"payment", "get", "x"});
  EXPECT_EQ(ended.status, kRefused);
  EXPECT_EQ(ended.err, "outboxctl: not_found (payment_id): there is no payment x\n");
}

}  // namespace
}  // namespace outboxd::ctl
