#include "daemon/order_settlement.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/unit/daemon/payments/box.h"

namespace outboxd::daemon {
namespace {

using domain::OrderRefund;
using domain::OrderStatus;
using domain::PaymentStatus;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using transport::Outcome;
using Verdict = domain::GatewayAnswer::Verdict;

const Settled kAcknowledged{Outcome::kAck, {}};
constexpr const char* kTillsGroup = "orders.tills";

domain::OrderId id(const std::string& text) {
  return domain::OrderId::parse(text).value();
}

class OrderSettlementTest : public testing::Test {
 protected:
  void create(const std::string& order_id) {
    tills.request([&](Box& box, domain::UnitOfWork& work) -> domain::Status {
      OUTBOXD_TRY(box.orders.create(order_over_2208(order_id), work));
      return domain::ok_status();
    });
  }
  void cancel(const std::string& order_id) {
    tills.request([&](Box& box, domain::UnitOfWork& work) -> domain::Status {
      OUTBOXD_TRY(box.orders.cancel(id(order_id), "late", work));
      return domain::ok_status();
    });
  }
  // Creates o-1, has it paid or not, and returns the event that tells.
  InboxEvent news_of_payment() {
    create("o-1");
    EXPECT_EQ(bank.deliver(tills.event(tills.books.outbox.size(), kPaymentsGroup)), kAcknowledged);
    return bank.event(bank.books.outbox.size(), kTillsGroup);
  }

  LedgerGateway gateway;
  Box tills{"tills", gateway};
  Box bank{"bank", gateway};
};

TEST_F(OrderSettlementTest, ACompletedPaymentMakesTheOrderPaid) {
  EXPECT_EQ(tills.deliver(news_of_payment()), kAcknowledged);
  EXPECT_EQ(tills.order("o-1").status, OrderStatus::kPaid);
  EXPECT_EQ(tills.order("o-1").payment_id, bank.payment("tills", "o-1").payment_id);
  EXPECT_THAT(tills.event_types(), ElementsAre("order.created", "order.paid"));
}

TEST_F(OrderSettlementTest, AFailedPaymentEndsTheOrderWithTheReason) {
  gateway.answer_next({{Verdict::kDeclined, "no such card", {}}});
  EXPECT_EQ(tills.deliver(news_of_payment()), kAcknowledged);
  EXPECT_EQ(tills.order("o-1").status, OrderStatus::kPaymentFailed);
  EXPECT_EQ(tills.order("o-1").failure, "declined");
  EXPECT_THAT(tills.event_types(), ElementsAre("order.created", "order.payment_failed"));
}

TEST_F(OrderSettlementTest, TheSameNewsTwiceHasOneEffect) {  // G8
  InboxEvent news = news_of_payment();
  EXPECT_EQ(tills.deliver(news), kAcknowledged);
  EXPECT_EQ(tills.deliver(news), kAcknowledged);
  news.seq = 99;  // even under another identity
  EXPECT_EQ(tills.deliver(news), kAcknowledged);
  EXPECT_THAT(tills.event_types(), ElementsAre("order.created", "order.paid"));
}

TEST_F(OrderSettlementTest, ALatePaymentOfACancelledOrderComesBack) {  // G9
  InboxEvent news = news_of_payment();
  cancel("o-1");
  EXPECT_EQ(tills.deliver(news), kAcknowledged);
  EXPECT_EQ(tills.order("o-1").status, OrderStatus::kCancelled);
  EXPECT_EQ(tills.order("o-1").refund, OrderRefund::kRequested);
  EXPECT_THAT(tills.event_types(),
              ElementsAre("order.created", "order.cancelled", "order.refund_requested"));
  news.seq = 99;
  EXPECT_EQ(tills.deliver(news), kAcknowledged);
  EXPECT_EQ(tills.books.outbox.size(), 3U) << "it is asked back once";

  EXPECT_EQ(bank.deliver(tills.event(3, kPaymentsGroup)), kAcknowledged);
  InboxEvent refunded = bank.event(2, kTillsGroup);
  EXPECT_EQ(tills.deliver(refunded), kAcknowledged);
  EXPECT_EQ(tills.order("o-1").refund, OrderRefund::kRefunded);
  EXPECT_EQ(tills.order("o-1").failure, "late") << "why it was cancelled is kept";
  refunded.seq = 98;
  EXPECT_EQ(tills.deliver(refunded), kAcknowledged);
  EXPECT_EQ(gateway.charged() - gateway.refunded(), 0);
}

TEST_F(OrderSettlementTest, ALatePaymentOfAnExpiredOrderComesBack) {
  const InboxEvent news = news_of_payment();
  tills.request([&](Box& box, domain::UnitOfWork& work) -> domain::Status {
    OUTBOXD_TRY(box.orders.expire(id("o-1"), "not published in time", work));
    return domain::ok_status();
  });
  EXPECT_EQ(tills.deliver(news), kAcknowledged);
  EXPECT_EQ(tills.order("o-1").status, OrderStatus::kExpired);
  EXPECT_EQ(tills.event_types().back(), "order.refund_requested");
}

TEST_F(OrderSettlementTest, AChargeThatWasGivenUpButApprovedComesBack) {  // G9
  // The dead letter was given up while the gateway had the last attempt in its hands.
  create("o-1");
  const InboxEvent event = tills.event(1, kPaymentsGroup);
  bank.hand_over(event);
  InboxEvent dead = event;
  dead.topic = kDeadOrdersTopic;
  dead.attempt = PaymentsModule::kLastQuestions + 1;
  EXPECT_EQ(bank.deliver(dead), kAcknowledged);
  bank.hear_answer();
  EXPECT_THAT(bank.event_types(), ElementsAre("payment.failed", "payment.completed"));

  EXPECT_EQ(tills.deliver(bank.event(1, kTillsGroup)), kAcknowledged);
  EXPECT_EQ(tills.order("o-1").status, OrderStatus::kPaymentFailed);
  EXPECT_EQ(tills.deliver(bank.event(2, kTillsGroup)), kAcknowledged);
  EXPECT_EQ(tills.event_types().back(), "order.refund_requested");
  EXPECT_EQ(bank.deliver(tills.event(3, kPaymentsGroup)), kAcknowledged);
  EXPECT_EQ(bank.payment("tills", "o-1").status, PaymentStatus::kRefunded);
  EXPECT_EQ(gateway.charged() - gateway.refunded(), 0);
}

TEST_F(OrderSettlementTest, AFailedPaymentOfACancelledOrderChangesNothing) {
  gateway.answer_next({{Verdict::kDeclined, "no such card", {}}});
  const InboxEvent news = news_of_payment();
  cancel("o-1");
  EXPECT_EQ(tills.deliver(news), kAcknowledged);
  EXPECT_EQ(tills.order("o-1").status, OrderStatus::kCancelled);
  EXPECT_EQ(tills.event_types().back(), "order.cancelled");
}

TEST_F(OrderSettlementTest, NewsOfAnotherBoxsOrdersIsPassedOver) {
  InboxEvent news = news_of_payment();
  Box kiosk("kiosk", gateway);
  news.group = "orders.kiosk";
  EXPECT_EQ(kiosk.deliver(news), kAcknowledged);
  EXPECT_THAT(kiosk.books.outbox, IsEmpty());
}

TEST_F(OrderSettlementTest, NewsThatBecameADeadLetterSettlesTheOrderAllTheSame) {
  InboxEvent news = news_of_payment();
  news.topic = "dead:payments:orders.tills";
  news.reason = "the consumer disconnected";
  EXPECT_EQ(tills.deliver(news), kAcknowledged);
  EXPECT_EQ(tills.order("o-1").status, OrderStatus::kPaid);
}

TEST_F(OrderSettlementTest, APaymentForAnOrderThatIsNotThereIsADeadLetter) {
  const InboxEvent news = news_of_payment();
  tills.books.orders.clear();
  const Settled settled = tills.deliver(news);
  EXPECT_EQ(settled.outcome, Outcome::kDead);
  EXPECT_THAT(settled.reason, HasSubstr("there is no order o-1"));
}

TEST_F(OrderSettlementTest, ASecondPaymentForAPaidOrderIsADeadLetterForPeople) {
  EXPECT_EQ(tills.deliver(news_of_payment()), kAcknowledged);
  std::string data;
  transport::Writer(data)
      .map(3)
      .field("payment_id", "pay_other")
      .field("order_id", "o-1")
      .field("source", "tills");
  const Settled settled =
      tills.deliver(event_with("bank", 50, "payments", kTillsGroup, "payment.completed", data));
  EXPECT_EQ(settled.outcome, Outcome::kDead);
  EXPECT_THAT(settled.reason, HasSubstr("PAID"));
  EXPECT_EQ(tills.order("o-1").payment_id, bank.payment("tills", "o-1").payment_id);
}

TEST_F(OrderSettlementTest, DataThatIsNoPaymentIsADeadLetterWithAReason) {
  const auto reason_for = [&](const std::string& data) {
    static domain::Seq seq = 100;
    const Settled settled =
        tills.deliver(event_with("bank", ++seq, "payments", kTillsGroup, "payment.failed", data));
    EXPECT_EQ(settled.outcome, Outcome::kDead);
    return settled.reason;
  };
  EXPECT_THAT(reason_for("\x2A"), HasSubstr("must be a map, not an integer"));
  EXPECT_THAT(reason_for("\x80"), HasSubstr("data.payment_id is missing"));
  std::string data;
  transport::Writer(data)
      .map(4)
      .field("payment_id", "p")
      .field("order_id", "o-1")
      .field("source", "tills")
      .field("failure", std::int64_t{5});
  EXPECT_THAT(reason_for(data), HasSubstr("data.failure must be a string"));
}

TEST_F(OrderSettlementTest, OtherEventsAboutPaymentsHaveNoEffect) {
  EXPECT_EQ(
      tills.deliver(event_with("bank", 7, "payments", kTillsGroup, "payment.disputed", "\xC0")),
      kAcknowledged);
  EXPECT_THAT(tills.books.outbox, IsEmpty());
}

// The broker, as far as two boxes can tell: each event reaches its group in order, again and again
// until it is settled, and sometimes once more.
class Broker {
 public:
  Broker(Box& from, Box& to, std::string group, std::mt19937& random)
      : from_(from), to_(to), group_(std::move(group)), random_(random) {}

  // One delivery of the next event; false when there is none.
  bool step() {
    if (next_ > from_.books.outbox.size()) return false;
    InboxEvent event = from_.event(next_, group_);
    event.attempt = attempt_;
    if (attempt_ > 4) {
      event.topic = kDeadOrdersTopic;
      event.reason = "too many attempts";
    }
    if (may_die() && event.topic == "orders" && random_() % 8 == 0 && is_charged(event)) {
      to_.deliver_and_die(event);
    } else if (to_.deliver(event).outcome == Outcome::kRetry) {
      ++attempt_;
    } else if (random_() % 4 != 0) {  // else the settlement is lost
      ++next_;
      attempt_ = 1;
    }
    return true;
  }

 private:
  [[nodiscard]] bool may_die() const { return group_ == kPaymentsGroup; }

  // True when the event is sure to make a call of the gateway.
  [[nodiscard]] bool is_charged(const InboxEvent& event) const {
    transport::Document document;
    const auto envelope = transport::decode_envelope(event.envelope, document).value();
    return envelope.type == "order.created" &&
           !to_.books.payments.contains(
               domain::payment_id_of(event.producer, id(std::string(envelope.key))).text());
  }

  Box& from_;
  Box& to_;
  const std::string group_;
  std::mt19937& random_;
  domain::Seq next_ = 1;
  std::uint32_t attempt_ = 1;
};

class ConservationTest : public testing::TestWithParam<unsigned> {};

TEST_P(ConservationTest, WhatWasChargedAndNotRefundedIsWhatIsPaid) {  // G9
  std::mt19937 random(GetParam());
  LedgerGateway gateway;
  gateway.decide([&](LedgerGateway::Move move) -> domain::GatewayAnswer {
    const auto dice = random() % 10;
    if (dice < 5) return {Verdict::kApproved, {}, "ref"};
    if (dice < 6 && move == LedgerGateway::Move::kCharge)
      return {Verdict::kDeclined, "declined", {}};
    return {Verdict::kUnavailable, "unavailable", {}};
  });
  Box tills("tills", gateway);
  Box bank("bank", gateway);
  Broker to_bank(tills, bank, kPaymentsGroup, random);
  Broker to_tills(bank, tills, kTillsGroup, random);
  constexpr std::size_t kOrders = 40;
  std::size_t created = 0;
  bool moved = true;
  while (created < kOrders || moved) {
    if (created < kOrders && random() % 3 == 0) {
      ++created;
      tills.request([&](Box& box, domain::UnitOfWork& work) -> domain::Status {
        OUTBOXD_TRY(box.orders.create(order_over_2208("o-" + std::to_string(created)), work));
        return domain::ok_status();
      });
    }
    if (created > 0 && random() % 10 == 0) {  // people change their minds, at any time
      const domain::OrderId chosen = id("o-" + std::to_string(1 + random() % created));
      tills.request([&](Box& box, domain::UnitOfWork& work) -> domain::Status {
        (void)box.orders.cancel(chosen, "", work);
        return domain::ok_status();
      });
    }
    moved =
        random() % 2 == 0 ? to_bank.step() || to_tills.step() : to_tills.step() || to_bank.step();
  }

  std::map<OrderStatus, int> orders;
  for (const auto& [order_id, order] : tills.books.orders) {
    ++orders[order.status];
    EXPECT_NE(order.refund, OrderRefund::kRequested) << order_id;
    const bool is_paid = order.status == OrderStatus::kPaid;
    EXPECT_EQ(bank.payment("tills", order_id).status == PaymentStatus::kCompleted, is_paid)
        << order_id;
  }
  EXPECT_EQ(orders[OrderStatus::kCreated], 0) << "no order waits for ever";
  EXPECT_EQ(gateway.charged() - gateway.refunded(), 2208 * orders[OrderStatus::kPaid]);
  EXPECT_EQ(bank.books.payments.size(), kOrders);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ConservationTest, testing::Range(1U, 31U));

}  // namespace
}  // namespace outboxd::daemon
