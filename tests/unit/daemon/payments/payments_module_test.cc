#include "daemon/payments/payments_module.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/unit/daemon/payments/box.h"

namespace outboxd::daemon {
namespace {

using domain::PaymentStatus;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using transport::Outcome;
using Verdict = domain::GatewayAnswer::Verdict;

const Settled kAcknowledged{Outcome::kAck, {}};

// Orders are created on `tills` and paid on `bank`.
class PaymentsModuleTest : public testing::Test {
 protected:
  // Creates an order and returns its event on its way to the payments.
  InboxEvent created(const std::string& order_id) {
    tills.request([&](Box& box, domain::UnitOfWork& work) -> domain::Status {
      OUTBOXD_TRY(box.orders.create(order_over_2208(order_id), work));
      return domain::ok_status();
    });
    return tills.event(tills.books.outbox.size(), kPaymentsGroup);
  }

  // Pays o-1 although it was cancelled, and returns the event that asks the money back.
  InboxEvent asked_back() {
    EXPECT_EQ(bank.deliver(created("o-1")), kAcknowledged);
    tills.request([&](Box& box, domain::UnitOfWork& work) -> domain::Status {
      OUTBOXD_TRY(box.orders.cancel(domain::OrderId::parse("o-1").value(), "late", work));
      return domain::ok_status();
    });
    EXPECT_EQ(tills.deliver(bank.event(1, "orders.tills")), kAcknowledged);
    EXPECT_EQ(tills.event_types().back(), "order.refund_requested");
    return tills.event(tills.books.outbox.size(), kPaymentsGroup);
  }

  static InboxEvent as_dead_letter(InboxEvent event, const std::string& reason) {
    event.topic = kDeadOrdersTopic;
    event.reason = reason;
    return event;
  }

  domain::Seq next_seq_ = 1000;
  LedgerGateway gateway;
  Box tills{"tills", gateway};
  Box bank{"bank", gateway};
};

TEST_F(PaymentsModuleTest, AnApprovedChargeIsACompletedPaymentWithItsEvent) {
  EXPECT_EQ(bank.deliver(created("o-1")), kAcknowledged);
  const domain::PaymentSnapshot& payment = bank.payment("tills", "o-1");
  EXPECT_EQ(payment.status, PaymentStatus::kCompleted);
  EXPECT_EQ(std::get<domain::OrderCharge>(payment.subject).amount, 2208);
  EXPECT_EQ(payment.attempts, 1U);
  EXPECT_EQ(payment.gateway_reference, "ledger-tills/1");
  EXPECT_THAT(bank.event_types(), ElementsAre("payment.completed"));
  EXPECT_THAT(gateway.charge_calls(), ElementsAre("tills/1"))
      << "the event's identity is the idempotency key";
}

TEST_F(PaymentsModuleTest, ABusinessRefusalFailsThePaymentAtOnce) {
  gateway.answer_next({{Verdict::kDeclined, "no such card", {}}});
  EXPECT_EQ(bank.deliver(created("o-1")), kAcknowledged);
  const domain::PaymentSnapshot& payment = bank.payment("tills", "o-1");
  EXPECT_EQ(payment.status, PaymentStatus::kFailed);
  EXPECT_EQ(payment.failure, "declined");
  EXPECT_EQ(payment.failure_detail, "no such card");
  EXPECT_THAT(bank.event_types(), ElementsAre("payment.failed"));
  EXPECT_EQ(gateway.charged(), 0);
}

TEST_F(PaymentsModuleTest, AnUnavailableGatewayIsAskedAgainLaterUnderTheSameKey) {
  gateway.answer_next({{Verdict::kUnavailable, "no route", {}}});
  InboxEvent event = created("o-1");
  EXPECT_EQ(bank.deliver(event), (Settled{Outcome::kRetry, "no route"}));
  EXPECT_THAT(bank.books.payments, IsEmpty());
  EXPECT_THAT(bank.event_types(), IsEmpty());
  event.attempt = 2;
  EXPECT_EQ(bank.deliver(event), kAcknowledged);
  EXPECT_EQ(bank.payment("tills", "o-1").attempts, 2U);
  EXPECT_THAT(gateway.charge_calls(), ElementsAre("tills/1", "tills/1"));
}

TEST_F(PaymentsModuleTest, AsManyOrdersAreAskedForAsTheGatewayKeepsUpWith) {
  const std::size_t few = bank.credit_of("orders");
  EXPECT_EQ(bank.credit_of(kDeadOrdersTopic), few);
  for (std::size_t i = 0; i <= few; ++i) bank.deliver(created("o-" + std::to_string(i)));
  EXPECT_GT(bank.credit_of("orders"), few) << "they took no time";
  EXPECT_EQ(bank.credit_of("orders"), bank.credit_of(kDeadOrdersTopic));
  bank.clock.now_ms += 60'000;
  bank.deliver(created("late"));
  EXPECT_EQ(bank.credit_of("orders"), few) << "it took a minute";
}

TEST_F(PaymentsModuleTest, TheSameEventTwiceIsOneChargeAndOnePayment) {  // G8
  const InboxEvent event = created("o-1");
  EXPECT_EQ(bank.deliver(event), kAcknowledged);
  EXPECT_EQ(bank.deliver(event), kAcknowledged);
  EXPECT_THAT(gateway.charge_calls(), ElementsAre("tills/1"));
  EXPECT_THAT(bank.event_types(), ElementsAre("payment.completed"));
}

TEST_F(PaymentsModuleTest, TheSameOrderUnderAnotherEventIsNotPaidAgain) {  // G9
  InboxEvent event = created("o-1");
  EXPECT_EQ(bank.deliver(event), kAcknowledged);
  event.seq = 99;  // such as a dead letter that was replayed into the outbox
  EXPECT_EQ(bank.deliver(event), kAcknowledged);
  EXPECT_EQ(gateway.charged(), 2208);
  EXPECT_THAT(bank.event_types(), ElementsAre("payment.completed"));
}

TEST_F(PaymentsModuleTest, OrdersOfDifferentProducersAreDifferentEvenWithOneId) {
  const InboxEvent here = created("o-1");
  InboxEvent there = here;
  there.producer = "kiosk";
  EXPECT_EQ(bank.deliver(here), kAcknowledged);
  EXPECT_EQ(bank.deliver(there), kAcknowledged);
  EXPECT_EQ(bank.books.payments.size(), 2U);
  EXPECT_EQ(bank.payment("kiosk", "o-1").source, "kiosk");
  EXPECT_EQ(gateway.charged(), 2 * 2208);
}

TEST_F(PaymentsModuleTest, ACrashBetweenChargeAndCommitRepeatsTheCallUnderItsKey) {  // G8, G9
  const InboxEvent event = created("o-1");
  bank.deliver_and_die(event);
  EXPECT_THAT(bank.books.payments, IsEmpty());
  EXPECT_EQ(gateway.charged(), 2208);
  EXPECT_EQ(bank.deliver(event), kAcknowledged);
  EXPECT_THAT(gateway.charge_calls(), ElementsAre("tills/1", "tills/1"));
  EXPECT_EQ(gateway.charged(), 2208) << "the key keeps the money from moving twice";
  EXPECT_EQ(bank.payment("tills", "o-1").status, PaymentStatus::kCompleted);
}

TEST_F(PaymentsModuleTest, ADeadLetterThatTheGatewayDoesNotAnswerFailsThePaymentOnce) {
  gateway.answer_next({{Verdict::kUnavailable, "no route", {}}});
  const InboxEvent dead = as_dead_letter(created("o-1"), "the simulated gateway is down");
  EXPECT_EQ(bank.deliver(dead), kAcknowledged);
  EXPECT_EQ(bank.deliver(dead), kAcknowledged);
  const domain::PaymentSnapshot& payment = bank.payment("tills", "o-1");
  EXPECT_EQ(payment.status, PaymentStatus::kFailed);
  EXPECT_EQ(payment.failure, "dead_lettered");
  EXPECT_EQ(payment.failure_detail, "the simulated gateway is down");
  EXPECT_EQ(payment.attempts, 0U) << "how many there were, only the broker knows";
  EXPECT_EQ(bank.counters().dead_lettered, 1U);
  EXPECT_EQ(bank.counters().unavailable, 0U) << "it is not asked again";
  EXPECT_THAT(bank.event_types(), ElementsAre("payment.failed"));
  EXPECT_THAT(gateway.charge_calls(), ElementsAre("tills/1"));
}

TEST_F(PaymentsModuleTest, MoneyTakenByAProcessThatDiedEachTimeIsOnRecordWithTheDeadLetter) {  // G9
  const InboxEvent event = created("o-1");
  for (int attempt = 1; attempt <= 4; ++attempt) bank.deliver_and_die(event);
  EXPECT_THAT(bank.books.payments, IsEmpty());
  EXPECT_EQ(bank.deliver(as_dead_letter(event, "the consumer died with it")), kAcknowledged);
  EXPECT_EQ(bank.payment("tills", "o-1").status, PaymentStatus::kCompleted);
  EXPECT_THAT(bank.event_types(), ElementsAre("payment.completed"));
  EXPECT_EQ(gateway.charged(), 2208);
}

TEST_F(PaymentsModuleTest, ADeadLetterThatTheGatewayDeclinesIsDeclined) {
  gateway.answer_next({{Verdict::kDeclined, "no such card", {}}});
  EXPECT_EQ(bank.deliver(as_dead_letter(created("o-1"), "no answer")), kAcknowledged);
  EXPECT_EQ(bank.payment("tills", "o-1").failure, "declined");
  EXPECT_EQ(bank.payment("tills", "o-1").failure_detail, "no such card");
}

TEST_F(PaymentsModuleTest, AnOrderThatKillsAsADeadLetterTooIsGivenUp) {
  InboxEvent dead = as_dead_letter(created("o-1"), "the consumer died with it");
  for (dead.attempt = 1; dead.attempt <= PaymentsModule::kLastQuestions; ++dead.attempt) {
    bank.deliver_and_die(dead);
  }
  EXPECT_EQ(bank.deliver(dead), kAcknowledged);
  EXPECT_EQ(bank.payment("tills", "o-1").failure, "dead_lettered");
  EXPECT_EQ(gateway.charge_calls().size(), PaymentsModule::kLastQuestions);
}

TEST_F(PaymentsModuleTest, ADeadLetterDoesNotUndoAPaymentThatWasMade) {
  const InboxEvent event = created("o-1");
  EXPECT_EQ(bank.deliver(event), kAcknowledged);
  EXPECT_EQ(bank.deliver(as_dead_letter(event, "no answer")), kAcknowledged);
  EXPECT_EQ(bank.payment("tills", "o-1").status, PaymentStatus::kCompleted);
  EXPECT_THAT(bank.event_types(), ElementsAre("payment.completed"));
}

TEST_F(PaymentsModuleTest, AReplayedDeadLetterIsNotChargedForItsOrderHasEnded) {
  gateway.answer_next({{Verdict::kUnavailable, "no route", {}}});
  const InboxEvent event = created("o-1");
  EXPECT_EQ(bank.deliver(as_dead_letter(event, "no answer")), kAcknowledged);
  EXPECT_EQ(bank.deliver(event), kAcknowledged);
  EXPECT_EQ(gateway.charged(), 0);
  EXPECT_THAT(bank.event_types(), ElementsAre("payment.failed"));
}

TEST_F(PaymentsModuleTest, DataThatIsNoOrderIsADeadLetterWithAReason) {
  const auto reason_for = [&](const std::string& data) {
    const Settled settled = bank.deliver(
        event_with("tills", ++next_seq_, "orders", kPaymentsGroup, "order.created", data));
    EXPECT_EQ(settled.outcome, Outcome::kDead);
    return settled.reason;
  };
  const auto map = [](auto fill) {
    std::string data;
    transport::Writer writer(data);
    fill(writer);
    return data;
  };
  EXPECT_THAT(reason_for("\xC0"), HasSubstr("must be a map, not nil"));
  EXPECT_THAT(reason_for("\x80"), HasSubstr("data.order_id is missing"));
  EXPECT_THAT(reason_for(map([](auto& w) { w.map(1).field("order_id", "not an id"); })),
              HasSubstr("data.order_id must be 1 to 64 characters"));
  EXPECT_THAT(
      reason_for(map([](auto& w) { w.map(2).field("order_id", "o-1").field("total", "2208"); })),
      HasSubstr("data.total must be an integer of at most 64 bits, not a string"));
  const auto order_over = [&](std::int64_t total, const char* currency, const char* method) {
    return map([&](auto& w) {
      w.map(4).field("order_id", "o-1").field("total", total).field("currency", currency);
      w.field("payment_method", method);
    });
  };
  EXPECT_THAT(reason_for(order_over(0, "GBP", "pm_ok")), HasSubstr("total must be positive"));
  EXPECT_THAT(reason_for(order_over(-5, "GBP", "pm_ok")), HasSubstr("not -5"));
  EXPECT_THAT(reason_for(order_over(5, "XQQ", "pm_ok")), HasSubstr("currency"));
  EXPECT_THAT(reason_for(order_over(5, "GBP", "pm ok")), HasSubstr("payment_method"));
  EXPECT_THAT(gateway.charge_calls(), IsEmpty());
  EXPECT_THAT(bank.books.payments, IsEmpty());
}

TEST_F(PaymentsModuleTest, AnEnvelopeThatCannotBeReadIsADeadLetterOnBothTopics) {
  InboxEvent event = created("o-1");
  event.envelope = "garbage";
  EXPECT_EQ(bank.deliver(event).outcome, Outcome::kDead);
  EXPECT_EQ(bank.deliver(as_dead_letter(event, "garbage")).outcome, Outcome::kDead);
  EXPECT_THAT(bank.books.payments, IsEmpty());
}

TEST_F(PaymentsModuleTest, FieldsOfANewerProducerAreNoObstacle) {
  std::string data;
  transport::Writer(data)
      .map(5)
      .field("order_id", "o-7")
      .field("loyalty", "gold")
      .field("total", std::int64_t{10})
      .field("currency", "GBP")
      .field("payment_method", "pm_ok");
  EXPECT_EQ(bank.deliver(event_with("tills", 3, "orders", kPaymentsGroup, "order.created", data)),
            kAcknowledged);
  EXPECT_EQ(std::get<domain::OrderCharge>(bank.payment("tills", "o-7").subject).amount, 10);
}

TEST_F(PaymentsModuleTest, WhatElseHappensToOrdersHasNoEffect) {
  for (const std::string type : {"order.paid", "order.cancelled", "order.anything"}) {
    EXPECT_EQ(
        bank.deliver(event_with("tills", ++next_seq_, "orders", kPaymentsGroup, type, "\x80")),
        kAcknowledged);
  }
  EXPECT_THAT(bank.books.outbox, IsEmpty());
}

TEST_F(PaymentsModuleTest, WhatCannotBeReadFromTheDiskIsTriedAgain) {
  const InboxEvent event = created("o-1");
  bank.commits().is_readable = false;
  EXPECT_EQ(bank.deliver(event), (Settled{Outcome::kRetry, "EIO"}));
  EXPECT_THAT(gateway.charge_calls(), IsEmpty()) << "it may be paid already";
}

TEST_F(PaymentsModuleTest, AFullOutboxHoldsThePaymentAndChargesNoSecondTime) {
  bank.backlog.entries = bank.backlog.max_entries;
  const InboxEvent event = created("o-1");
  bank.hand_over(event);
  bank.hear_answer();
  EXPECT_EQ(bank.inbox().held(), 1U);
  EXPECT_THAT(bank.books.payments, IsEmpty());
  bank.backlog.entries = 0;
  bank.inbox().try_held();
  EXPECT_EQ(bank.inbox().held(), 0U);
  EXPECT_EQ(bank.payment("tills", "o-1").status, PaymentStatus::kCompleted);
  EXPECT_THAT(gateway.charge_calls(), ElementsAre("tills/1"));
}

TEST_F(PaymentsModuleTest, APaymentThatIsAskedBackIsRefundedOnce) {  // G9
  const InboxEvent event = asked_back();
  EXPECT_EQ(bank.deliver(event), kAcknowledged);
  EXPECT_EQ(bank.deliver(event), kAcknowledged);
  EXPECT_EQ(bank.payment("tills", "o-1").status, PaymentStatus::kRefunded);
  EXPECT_THAT(bank.event_types(), ElementsAre("payment.completed", "payment.refunded"));
  EXPECT_THAT(gateway.refund_calls(), ElementsAre("tills/" + std::to_string(event.seq)));
  EXPECT_EQ(gateway.charged() - gateway.refunded(), 0);
}

TEST_F(PaymentsModuleTest, ARefundIsRepeatedUnderItsKeyAfterACrash) {  // G9
  const InboxEvent event = asked_back();
  bank.deliver_and_die(event);
  EXPECT_EQ(bank.payment("tills", "o-1").status, PaymentStatus::kCompleted);
  EXPECT_EQ(bank.deliver(event), kAcknowledged);
  EXPECT_EQ(gateway.refunded(), 2208);
  EXPECT_EQ(bank.payment("tills", "o-1").status, PaymentStatus::kRefunded);
}

TEST_F(PaymentsModuleTest, ARefundIsTriedForAsLongAsItTakes) {
  const InboxEvent event = asked_back();
  gateway.answer_next(
      {{Verdict::kUnavailable, "no route", {}}, {Verdict::kUnavailable, "no route", {}}});
  EXPECT_EQ(bank.deliver(event), (Settled{Outcome::kRetry, "no route"}));
  const InboxEvent dead = as_dead_letter(event, "no route");
  EXPECT_EQ(bank.deliver(dead), (Settled{Outcome::kRetry, "no route"}));
  EXPECT_EQ(bank.deliver(dead), kAcknowledged);
  EXPECT_EQ(bank.payment("tills", "o-1").status, PaymentStatus::kRefunded);
}

TEST_F(PaymentsModuleTest, ARefundThatIsDeclinedStaysADeadLetterForPeople) {
  const InboxEvent event = asked_back();
  gateway.decide([](LedgerGateway::Move) {
    return domain::GatewayAnswer{Verdict::kDeclined, "closed account", {}};
  });
  EXPECT_EQ(bank.deliver(event),
            (Settled{Outcome::kDead, "the gateway declines the refund: closed account"}));
  EXPECT_EQ(bank.deliver(as_dead_letter(event, "closed account")), kAcknowledged);
  EXPECT_EQ(bank.counters().refunds_declined, 1U);
  EXPECT_EQ(bank.payment("tills", "o-1").status, PaymentStatus::kCompleted);
}

TEST_F(PaymentsModuleTest, OnlyTheProducerOfTheOrderMayAskForItsMoney) {
  InboxEvent event = asked_back();
  event.producer = "stranger";
  const Settled settled = bank.deliver(event);
  EXPECT_EQ(settled.outcome, Outcome::kDead);
  EXPECT_THAT(settled.reason, HasSubstr("of producer tills, not stranger"));
  EXPECT_EQ(gateway.refunded(), 0);
}

TEST_F(PaymentsModuleTest, APaymentOfAnotherBoxIsLeftToThatBox) {
  const InboxEvent event = asked_back();
  Box other("other-bank", gateway);
  const Settled settled = other.deliver(event);
  EXPECT_EQ(settled.outcome, Outcome::kRetry);
  EXPECT_THAT(settled.reason, HasSubstr("no completed payment"));
  EXPECT_EQ(gateway.refunded(), 0);
}

// What a box tells when a reservation was paid there.
InboxEvent reservation_paid(domain::Points points, const std::string& topic = "reservations") {
  std::string data;
  transport::Writer(data)
      .map(3)
      .field("reservation_id", "o-1")
      .field("price_points", points)
      .field("a field of a newer release", "x");
  return event_with("tills", 7, topic, kPaymentsGroup, "reservation.paid", data);
}

domain::PaymentSnapshot booked(const Box& bank) {
  const auto id = domain::payment_id_of("tills", domain::ReservationId::parse("o-1").value());
  return bank.books.payments.at(id.text());
}

TEST_F(PaymentsModuleTest, APaidReservationIsBookedOnceAndNoGatewayIsAsked) {
  EXPECT_EQ(bank.deliver(reservation_paid(100)), kAcknowledged);
  EXPECT_EQ(booked(bank).status, PaymentStatus::kCompleted);
  EXPECT_EQ(std::get<domain::ReservationCharge>(booked(bank).subject).points, 100);
  InboxEvent again = reservation_paid(100);
  again.seq = 99;  // even under another identity
  EXPECT_EQ(bank.deliver(again), kAcknowledged);
  EXPECT_THAT(bank.event_types(), ElementsAre("payment.completed"));
  EXPECT_THAT(gateway.charge_calls(), IsEmpty());
}

TEST_F(PaymentsModuleTest, APaidReservationThatBecameADeadLetterIsBookedAllTheSame) {
  EXPECT_EQ(bank.deliver(reservation_paid(100, kDeadReservationsTopic)), kAcknowledged);
  EXPECT_EQ(booked(bank).status, PaymentStatus::kCompleted);
}

TEST_F(PaymentsModuleTest, AReservationAndAnOrderOfTheSameIdArePaidApart) {
  EXPECT_EQ(bank.deliver(created("o-1")), kAcknowledged);
  EXPECT_EQ(bank.deliver(reservation_paid(100)), kAcknowledged);
  EXPECT_EQ(bank.books.payments.size(), 2U);
}

TEST_F(PaymentsModuleTest, APaidReservationThatCannotBeUnderstoodIsADeadLetterThatSaysWhy) {
  const Settled settled = bank.deliver(reservation_paid(0));
  EXPECT_EQ(settled.outcome, Outcome::kDead);
  EXPECT_THAT(settled.reason, HasSubstr("price_points must be at least 1"));
  EXPECT_THAT(bank.event_types(), IsEmpty());
}

TEST_F(PaymentsModuleTest, OtherEventsOfReservationsHaveNoEffect) {
  for (const char* const type : {"reservation.held", "reservation.cancelled", "reservation.new"}) {
    EXPECT_EQ(bank.deliver(
                  event_with("tills", next_seq_++, "reservations", kPaymentsGroup, type, "\xc0")),
              kAcknowledged);
  }
  EXPECT_THAT(bank.event_types(), IsEmpty());
}

TEST_F(PaymentsModuleTest, TheBooksOfReservationsAreNoNewsForOrders) {
  EXPECT_EQ(bank.deliver(reservation_paid(100)), kAcknowledged);
  EXPECT_EQ(tills.deliver(bank.event(1, "orders.tills")), kAcknowledged);
  EXPECT_THAT(tills.event_types(), IsEmpty());
}

}  // namespace
}  // namespace outboxd::daemon
