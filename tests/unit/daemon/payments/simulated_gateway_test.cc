#include "daemon/payments/simulated_gateway.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace outboxd::daemon {
namespace {

using Verdict = domain::GatewayAnswer::Verdict;

domain::ChargeRequest charge(const std::string& payment_method, const std::string& key = "t/1") {
  return {.idempotency_key = key,
          .order_id = domain::OrderId::parse("o-1").value(),
          .amount = 5,
          .currency = domain::Currency::parse("GBP").value(),
          .payment_method = payment_method};
}

Verdict verdict_on(const std::string& payment_method) {
  SimulatedGateway gateway;
  return gateway.charge(charge(payment_method)).verdict;
}

TEST(SimulatedGatewayTest, ThePaymentMethodDecides) {
  EXPECT_EQ(verdict_on("pm_ok"), Verdict::kApproved);
  EXPECT_EQ(verdict_on("pm_ok_visa"), Verdict::kApproved);
  EXPECT_EQ(verdict_on("pm_decline"), Verdict::kDeclined);
  EXPECT_EQ(verdict_on("pm_decline_stolen"), Verdict::kDeclined);
  EXPECT_EQ(verdict_on("pm_down"), Verdict::kUnavailable);
  EXPECT_EQ(verdict_on("pm_down_again"), Verdict::kUnavailable);
}

TEST(SimulatedGatewayTest, WhatItDoesNotKnowItDeclinesAndSaysSo) {
  SimulatedGateway gateway;
  for (const std::string method : {"visa", "pm_", "pm_flaky", "pm_flaky_", "pm_flaky_x", "PM_OK"}) {
    const domain::GatewayAnswer answer = gateway.charge(charge(method));
    EXPECT_EQ(answer.verdict, Verdict::kDeclined) << method;
    EXPECT_NE(answer.text, "") << method;
  }
}

TEST(SimulatedGatewayTest, AFlakyMethodFailsAsOftenAsItSaysForEachKey) {
  SimulatedGateway gateway;
  for (const std::string key : {"t/1", "t/2"}) {
    EXPECT_EQ(gateway.charge(charge("pm_flaky_2", key)).verdict, Verdict::kUnavailable);
    EXPECT_EQ(gateway.charge(charge("pm_flaky_2", key)).verdict, Verdict::kUnavailable);
    EXPECT_EQ(gateway.charge(charge("pm_flaky_2", key)).verdict, Verdict::kApproved);
    EXPECT_EQ(gateway.charge(charge("pm_flaky_2", key)).verdict, Verdict::kApproved)
        << "the same key has the same answer for ever";
  }
  EXPECT_EQ(gateway.charge(charge("pm_flaky_0", "t/3")).verdict, Verdict::kApproved);
  EXPECT_EQ(gateway.charge(charge("pm_flaky_1_visa", "t/4")).verdict, Verdict::kUnavailable);
  EXPECT_EQ(gateway.charge(charge("pm_flaky_1_visa", "t/4")).verdict, Verdict::kApproved);
}

TEST(SimulatedGatewayTest, AnApprovedChargeHasTheSameReferenceEachTime) {
  SimulatedGateway gateway;
  const std::string reference = gateway.charge(charge("pm_ok")).reference;
  EXPECT_NE(reference, "");
  EXPECT_EQ(gateway.charge(charge("pm_ok")).reference, reference);
  EXPECT_NE(gateway.charge(charge("pm_ok", "t/2")).reference, reference);
}

TEST(SimulatedGatewayTest, RefundsFollowTheSameRules) {
  SimulatedGateway gateway;
  const auto refund = [&](const std::string& method) {
    return gateway
        .refund({.idempotency_key = "t/9",
                 .payment_id = domain::PaymentId::parse("pay_1").value(),
                 .gateway_reference = {},
                 .order_id = domain::OrderId::parse("o-1").value(),
                 .amount = 5,
                 .currency = domain::Currency::parse("GBP").value(),
                 .payment_method = method})
        .verdict;
  };
  EXPECT_EQ(refund("pm_ok"), Verdict::kApproved);
  EXPECT_EQ(refund("pm_flaky_1"), Verdict::kUnavailable);
  EXPECT_EQ(refund("pm_flaky_1"), Verdict::kApproved);
}

TEST(SimulatedGatewayTest, TakesItsTime) {
  using Clock = std::chrono::steady_clock;
  SimulatedGateway gateway(std::chrono::milliseconds(20));
  const Clock::time_point begin = Clock::now();
  EXPECT_EQ(gateway.charge(charge("pm_ok")).verdict, Verdict::kApproved);
  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(20));
}

}  // namespace
}  // namespace outboxd::daemon
