#include "domain/payment.h"

#include <string>

#include <gtest/gtest.h>

namespace outboxd::domain {
namespace {

constexpr TimestampMs kPaidAt = 1'291'191'960'000;

OrderId order(const std::string& id) {
  return OrderId::parse(id).value();
}

PaymentDue due() {
  return {.source = "tills-1",
          .order_id = order("o-1"),
          .amount = 2208,
          .currency = Currency::parse("GBP").value(),
          .payment_method = "pm_ok_visa"};
}

TEST(PaymentIdTest, IsTheSameForTheSameOrderOnEveryBox) {
  // Whoever has paid an order under this id must find it under this id for ever.
  EXPECT_EQ(payment_id_of("tills-1", order("o-1")).text(), "pay_4edbb51510d5cab006d9edee4ad1aa5e");
}

TEST(PaymentIdTest, DiffersBetweenOrdersAndBetweenTheirProducers) {
  EXPECT_NE(payment_id_of("tills-1", order("o-1")), payment_id_of("tills-1", order("o-2")));
  EXPECT_NE(payment_id_of("tills-1", order("o-1")), payment_id_of("tills-2", order("o-1")));
  EXPECT_NE(payment_id_of("a", order("bc")), payment_id_of("ab", order("c")));
}

TEST(PaymentIdTest, OfAReservationIsNeverThatOfAnOrderWithTheSameId) {
  const auto reservation = [](const std::string& id) { return ReservationId::parse(id).value(); };
  EXPECT_NE(payment_id_of("till-1", reservation("o-1")), payment_id_of("till-1", order("o-1")));
  EXPECT_NE(payment_id_of("till-1", reservation("r-1")), payment_id_of("till-1", reservation("r")));
  EXPECT_NE(payment_id_of("till-1", reservation("r")), payment_id_of("till-2", reservation("r")));
  // For ever, as for orders.
  EXPECT_EQ(payment_id_of("gate-1", reservation("r-1")).text(),
            "pay_aa44999a607838edad10430dd69edfa9");
}

TEST(PaymentTest, ThePointsOfAReservationAreBookedAsACompletedPayment) {
  const ReservationCharge charge{ReservationId::parse("r-1").value(), 50};
  Payment payment = Payment::booked({"gate-1", charge.reservation_id, charge.points}, 2, kPaidAt);
  EXPECT_EQ(payment.snapshot().payment_id, payment_id_of("gate-1", charge.reservation_id));
  EXPECT_EQ(payment.snapshot().source, "gate-1");
  EXPECT_EQ(std::get<ReservationCharge>(payment.snapshot().subject), charge);
  EXPECT_EQ(payment.snapshot().status, PaymentStatus::kCompleted);
  EXPECT_EQ(payment.snapshot().attempts, 2U);
  EXPECT_EQ(payment.snapshot().created_at_ms, kPaidAt);
  const std::vector<DomainEvent> events = payment.events().take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].key, "r-1");
  EXPECT_EQ(events[0].type, "payment.completed");
}

TEST(PaymentTest, PointsThatWereSpentAreNotAGatewaysToGiveBack) {
  Payment payment =
      Payment::booked({"gate-1", ReservationId::parse("r-1").value(), 50}, 1, kPaidAt);
  EXPECT_EQ(payment.refund(kPaidAt).error().code, ErrorCode::kInvalidState);
  EXPECT_EQ(payment.snapshot().status, PaymentStatus::kCompleted);
}

TEST(PaymentTest, ACompletedPaymentSaysWhatWasPaidInItsEvent) {
  Payment payment = Payment::completed(due(), 2, "ch_17", kPaidAt);
  EXPECT_EQ(payment.snapshot().payment_id, payment_id_of("tills-1", order("o-1")));
  EXPECT_EQ(payment.snapshot().status, PaymentStatus::kCompleted);
  EXPECT_EQ(std::get<OrderCharge>(payment.snapshot().subject).amount, 2208);
  EXPECT_EQ(payment.snapshot().attempts, 2U);
  EXPECT_EQ(payment.snapshot().gateway_reference, "ch_17");
  EXPECT_EQ(payment.snapshot().failure, "");

  const std::vector<DomainEvent> events = payment.events().take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].topic, "payments");
  EXPECT_EQ(events[0].key, "o-1") << "so that an order hears of its payment in order (G7)";
  EXPECT_EQ(events[0].type, "payment.completed");
  EXPECT_EQ(std::get<PaymentSnapshot>(events[0].payload), payment.snapshot());
}

TEST(PaymentTest, AFailedPaymentSaysWhy) {
  Payment payment = Payment::failed(due(), 1, kFailureDeclined, "no such card", kPaidAt);
  EXPECT_EQ(payment.snapshot().status, PaymentStatus::kFailed);
  EXPECT_EQ(payment.snapshot().failure, "declined");
  EXPECT_EQ(payment.snapshot().failure_detail, "no such card");
  EXPECT_EQ(payment.events().take().at(0).type, "payment.failed");
}

TEST(PaymentTest, KeepsOnlySoMuchOfWhatAGatewaySays) {
  const std::string endless(5000, 'x');
  EXPECT_EQ(Payment::failed(due(), 1, kFailureDeclined, endless, kPaidAt)
                .snapshot()
                .failure_detail.size(),
            kMaxFailureDetailBytes);
  EXPECT_EQ(Payment::completed(due(), 1, endless, kPaidAt).snapshot().gateway_reference.size(),
            kMaxGatewayReferenceBytes);
  EXPECT_EQ(Payment::completed(due(), 1, "a\xFF", kPaidAt).snapshot().gateway_reference, "a?");
}

TEST(PaymentTest, IsRefundedOnce) {  // G9
  Payment payment(Payment::completed(due(), 1, "ch_17", kPaidAt).snapshot());
  ASSERT_TRUE(payment.refund(kPaidAt + 5));
  EXPECT_EQ(payment.snapshot().status, PaymentStatus::kRefunded);
  EXPECT_EQ(payment.snapshot().updated_at_ms, kPaidAt + 5);
  EXPECT_EQ(payment.events().take().at(0).type, "payment.refunded");
  EXPECT_EQ(payment.refund(kPaidAt + 6).error().code, ErrorCode::kInvalidState);
  EXPECT_TRUE(payment.events().take().empty());
}

TEST(PaymentTest, WhatFailedCannotBeRefunded) {  // G9
  Payment payment(Payment::failed(due(), 1, kFailureDeclined, "", kPaidAt).snapshot());
  EXPECT_EQ(payment.refund(kPaidAt).error().code, ErrorCode::kInvalidState);
  EXPECT_EQ(payment.snapshot().status, PaymentStatus::kFailed);
}

TEST(PaymentTest, AChargeThatWasGivenUpButApprovedGoesOnRecord) {  // G9
  Payment payment(Payment::failed(due(), 0, kFailureDeadLettered, "timeout", kPaidAt).snapshot());
  ASSERT_TRUE(payment.complete_after_all(3, "ch_9", kPaidAt + 1));
  EXPECT_EQ(payment.snapshot().status, PaymentStatus::kCompleted);
  EXPECT_EQ(payment.snapshot().failure, "");
  EXPECT_EQ(payment.snapshot().failure_detail, "");
  EXPECT_EQ(payment.snapshot().gateway_reference, "ch_9");
  EXPECT_EQ(payment.events().take().at(0).type, "payment.completed");
  EXPECT_EQ(payment.complete_after_all(3, "ch_9", kPaidAt).error().code, ErrorCode::kInvalidState);
}

TEST(PaymentTest, RemembersTheSequenceNumbersOfItsDecisionAndItsRefund) {
  Payment payment = Payment::completed(due(), 1, "", kPaidAt);
  payment.note_published(5);
  ASSERT_TRUE(payment.refund(kPaidAt));
  payment.note_published(9);
  EXPECT_EQ(payment.snapshot().decided_seq, 5U);
  EXPECT_EQ(payment.snapshot().refunded_seq, 9U);
}

TEST(PaymentStatusTest, NamesGoBothWays) {
  for (const PaymentStatus status :
       {PaymentStatus::kCompleted, PaymentStatus::kFailed, PaymentStatus::kRefunded}) {
    EXPECT_EQ(parse_payment_status(name_of(status)).value(), status);
  }
  EXPECT_EQ(parse_payment_status("PAID").error().argument, "status");
}

}  // namespace
}  // namespace outboxd::domain
