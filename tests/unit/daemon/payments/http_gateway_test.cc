#include "daemon/payments/http_gateway.h"

#include <string>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/unit/daemon/payments/loopback_server.h"

namespace outboxd::daemon {
namespace {

using domain::GatewayAnswer;
using support::http_answer;
using support::LoopbackServer;
using testing::HasSubstr;
using testing::StartsWith;
using Verdict = GatewayAnswer::Verdict;

domain::ChargeRequest charge_request() {
  return {.idempotency_key = "tills-1/42",
          .order_id = domain::OrderId::parse("o-1").value(),
          .amount = 2208,
          .currency = domain::Currency::parse("GBP").value(),
          .payment_method = "pm_visa"};
}

domain::RefundRequest refund_request() {
  return {.idempotency_key = "tills-1/57",
          .payment_id = domain::PaymentId::parse("pay_1").value(),
          .gateway_reference = "ch_17",
          .order_id = domain::OrderId::parse("o-1").value(),
          .amount = 2208,
          .currency = domain::Currency::parse("GBP").value(),
          .payment_method = "pm_visa"};
}

// What the gateway makes of one answer to a charge.
GatewayAnswer charge_answered_with(const std::string& bytes) {
  const LoopbackServer server([&](const auto&) { return bytes; });
  HttpGateway gateway({.url = server.url() + "/charges", .refund_url = {}, .timeout_ms = 5000});
  return gateway.charge(charge_request());
}

TEST(HttpGatewayTest, PostsTheChargeAsJsonUnderItsIdempotencyKey) {
  const LoopbackServer server([](const auto&) { return http_answer(200); });
  HttpGateway gateway({.url = server.url() + "/charges"});
  EXPECT_EQ(gateway.charge(charge_request()).verdict, Verdict::kApproved);
  ASSERT_EQ(server.requests().size(), 1U);
  const support::HttpRequest request = server.requests()[0];
  EXPECT_THAT(request.head, StartsWith("POST /charges HTTP/1.1\r\n"));
  EXPECT_EQ(request.header("Idempotency-Key"), "tills-1/42");
  EXPECT_EQ(request.header("Content-Type"), "application/json");
  EXPECT_EQ(nlohmann::json::parse(request.body), nlohmann::json({{"order_id", "o-1"},
                                                                 {"amount", 2208},
                                                                 {"currency", "GBP"},
                                                                 {"payment_method", "pm_visa"}}));
}

TEST(HttpGatewayTest, ShowsWhoAsksWithEachChargeAndRefundWhenItWasToldTo) {
  const LoopbackServer server([](const auto&) { return http_answer(200); });
  {
    HttpGateway known({.url = server.url(), .authorization = "Bearer sk_1"});
    EXPECT_EQ(known.charge(charge_request()).verdict, Verdict::kApproved);
    EXPECT_EQ(known.refund(refund_request()).verdict, Verdict::kApproved);
  }  // and its connection, for the server takes one at a time
  HttpGateway nobody({.url = server.url()});
  EXPECT_EQ(nobody.charge(charge_request()).verdict, Verdict::kApproved);

  ASSERT_EQ(server.requests().size(), 3U);
  EXPECT_EQ(server.requests()[0].header("Authorization"), "Bearer sk_1");
  EXPECT_EQ(server.requests()[1].header("Authorization"), "Bearer sk_1");
  EXPECT_EQ(server.requests()[2].header("Authorization"), std::nullopt);
}

TEST(HttpGatewayTest, PostsARefundBesideTheChargesUnlessItsPlaceIsConfigured) {
  const LoopbackServer server([](const auto&) { return http_answer(201); });
  {
    HttpGateway beside({.url = server.url() + "/charges"});
    EXPECT_EQ(beside.refund(refund_request()).verdict, Verdict::kApproved);
  }  // and its connection, for the server takes one at a time
  HttpGateway elsewhere({.url = server.url() + "/charges", .refund_url = server.url() + "/back"});
  EXPECT_EQ(elsewhere.refund(refund_request()).verdict, Verdict::kApproved);

  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_THAT(server.requests()[0].head, StartsWith("POST /charges/refunds "));
  EXPECT_THAT(server.requests()[1].head, StartsWith("POST /back "));
  EXPECT_EQ(server.requests()[0].header("Idempotency-Key"), "tills-1/57");
  const auto body = nlohmann::json::parse(server.requests()[0].body);
  EXPECT_EQ(body["payment_id"], "pay_1");
  EXPECT_EQ(body["reference"], "ch_17");
  EXPECT_EQ(body["amount"], 2208);
}

TEST(HttpGatewayTest, ASuccessApprovesAndMayBringAReference) {
  for (const int status : {200, 201, 202, 204, 299}) {
    EXPECT_EQ(charge_answered_with(http_answer(status)).verdict, Verdict::kApproved) << status;
  }
  EXPECT_EQ(charge_answered_with(http_answer(200, R"({"reference":"ch_17"})")).reference, "ch_17");
  EXPECT_EQ(charge_answered_with(http_answer(200, R"({"id":17})")).reference, "17");
}

TEST(HttpGatewayTest, WhatASuccessSaysBesidesNeedNotMakeSense) {
  for (const std::string body : {"garbage", "[1,2]", "{\"id\":", "\xFF\xFE", "{\"id\":{}}"}) {
    const GatewayAnswer answer = charge_answered_with(http_answer(200, body));
    EXPECT_EQ(answer.verdict, Verdict::kApproved) << body;
    EXPECT_EQ(answer.reference, "") << body;
  }
}

TEST(HttpGatewayTest, ABusinessRefusalDeclinesWithWhatItSays) {
  for (const int status : {402, 409, 422}) {
    const GatewayAnswer answer =
        charge_answered_with(http_answer(status, R"({"message":"no such card"})"));
    EXPECT_EQ(answer.verdict, Verdict::kDeclined) << status;
    EXPECT_EQ(answer.text, "no such card (HTTP status " + std::to_string(status) + ")");
  }
  EXPECT_EQ(charge_answered_with(http_answer(402)).text,
            "the gateway answered with HTTP status 402");
}

TEST(HttpGatewayTest, EveryOtherStatusIsUnavailable) {
  for (const int status : {301, 307, 400, 401, 403, 404, 408, 410, 429, 500, 502, 503, 504}) {
    const GatewayAnswer answer = charge_answered_with(http_answer(status));
    EXPECT_EQ(answer.verdict, Verdict::kUnavailable) << status;
    EXPECT_THAT(answer.text, HasSubstr(std::to_string(status)));
  }
}

TEST(HttpGatewayTest, ARedirectIsNotFollowed) {
  const LoopbackServer elsewhere([](const auto&) { return http_answer(200); });
  EXPECT_EQ(charge_answered_with("HTTP/1.1 307 Go\r\nLocation: " + elsewhere.url() +
                                 "/\r\nContent-Length: 0\r\n\r\n")
                .verdict,
            Verdict::kUnavailable);
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST(HttpGatewayTest, AnAnswerThatIsNotHttpIsUnavailable) {
  for (const std::string bytes : {"\x16\x03\x01garbage\n\n", "220 mail ready\r\n", "HTTP/9\r\n"}) {
    EXPECT_EQ(charge_answered_with(bytes).verdict, Verdict::kUnavailable) << bytes;
  }
}

TEST(HttpGatewayTest, AnAnswerThatBreaksOffIsUnavailable) {
  EXPECT_EQ(
      charge_answered_with("HTTP/1.1 200 Yes\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab").verdict,
      Verdict::kUnavailable);
}

TEST(HttpGatewayTest, NoAnswerInTimeIsUnavailable) {
  const LoopbackServer server([](const auto&) { return std::nullopt; });
  HttpGateway gateway({.url = server.url(), .refund_url = {}, .timeout_ms = 100});
  const GatewayAnswer answer = gateway.charge(charge_request());
  EXPECT_EQ(answer.verdict, Verdict::kUnavailable);
  EXPECT_THAT(answer.text, HasSubstr("cannot be reached"));
  EXPECT_EQ(server.requests().size(), 1U) << "the gateway may well have acted on it";
}

TEST(HttpGatewayTest, ARefusedConnectionIsUnavailable) {
  std::string url;
  {
    const LoopbackServer gone([](const auto&) { return http_answer(200); });
    url = gone.url();
  }
  HttpGateway gateway({.url = url, .refund_url = {}, .timeout_ms = 5000});
  EXPECT_EQ(gateway.charge(charge_request()).verdict, Verdict::kUnavailable);
}

TEST(HttpGatewayTest, APeerWithoutACertificateIsUnavailable) {
  const LoopbackServer server([](const auto&) { return http_answer(200); });
  HttpGateway gateway({.url = "https://127.0.0.1:" + std::to_string(server.port()),
                       .refund_url = {},
                       .timeout_ms = 300});
  EXPECT_EQ(gateway.charge(charge_request()).verdict, Verdict::kUnavailable);
  EXPECT_TRUE(server.requests().empty()) << "nothing of the charge was told in plain text";
}

TEST(HttpGatewayTest, AnAnswerLargerThanAnyoneNeedsIsReadWithoutKeepingIt) {
  const std::string endless(4 * HttpGateway::kMaxAnswerBytes, 'x');
  EXPECT_EQ(charge_answered_with(http_answer(200, endless)).verdict, Verdict::kApproved);
  EXPECT_LE(
      charge_answered_with(http_answer(402, "{\"message\":\"" + endless.substr(0, 5000) + "\"}"))
          .text.size(),
      256U);
}

TEST(HttpGatewayTest, AConnectionIsUsedAgain) {
  const LoopbackServer server([](const auto&) { return http_answer(200); });
  HttpGateway gateway({.url = server.url(), .refund_url = {}, .timeout_ms = 5000});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(gateway.charge(charge_request()).verdict, Verdict::kApproved);
  }
  EXPECT_EQ(server.connections(), 1);
}

}  // namespace
}  // namespace outboxd::daemon
