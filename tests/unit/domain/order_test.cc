#include "domain/order.h"

#include <limits>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace outboxd::domain {
namespace {

constexpr TimestampMs kNow = 1'291'191'960'000;

NewOrder two_line_order() {
  return NewOrder{.order_id = OrderId::parse("o-1").value(),
                  .customer_id = CustomerId::parse("c-1").value(),
                  .payment_method = "pm_ok",
                  .currency = Currency::parse("GBP").value(),
                  .lines = {{.sku = "85123A", .quantity = 6, .unit_price = 255},
                            {.sku = "71053", .quantity = 2, .unit_price = 339}}};
}

PaymentId payment(const std::string& id = "pay_1") {
  return PaymentId::parse(id).value();
}

Error error_of(NewOrder request) {
  return Order::create(std::move(request), kNow).error();
}

TEST(OrderTest, IsCreatedWithItsTotalAndOneEvent) {
  Order order = Order::create(two_line_order(), kNow).value();
  EXPECT_EQ(order.snapshot().status, OrderStatus::kCreated);
  EXPECT_EQ(order.snapshot().total, 6 * 255 + 2 * 339);
  EXPECT_EQ(order.snapshot().created_at_ms, kNow);

  const std::vector<DomainEvent> events = order.events().take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].topic, "orders");
  EXPECT_EQ(events[0].key, "o-1");
  EXPECT_EQ(events[0].type, "order.created");
  EXPECT_EQ(std::get<OrderSnapshot>(events[0].payload), order.snapshot());
  EXPECT_TRUE(order.events().take().empty());
}

TEST(OrderTest, RefusesQuantitiesAndPricesThatAreNotPositive) {
  for (const std::int64_t bad :
       {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
    NewOrder request = two_line_order();
    request.lines[1].quantity = bad;
    EXPECT_EQ(error_of(request).argument, "lines[1].quantity");
    request = two_line_order();
    request.lines[0].unit_price = bad;
    EXPECT_EQ(error_of(request).argument, "lines[0].unit_price");
  }
}

TEST(OrderTest, RefusesATotalThatOverflowsInALineOrInTheSum) {
  constexpr std::int64_t kMaxInteger = std::numeric_limits<std::int64_t>::max();
  NewOrder request = two_line_order();
  request.lines[0] = {.sku = "x", .quantity = kMaxInteger / 2 + 1, .unit_price = 2};
  EXPECT_EQ(error_of(request).argument, "lines");
  request.lines[0] = {.sku = "x", .quantity = 1, .unit_price = kMaxInteger};
  EXPECT_NE(error_of(request).message.find("total"), std::string::npos);
}

TEST(OrderTest, RefusesNoLinesTooManyLinesAndBadTexts) {
  NewOrder request = two_line_order();
  request.lines.clear();
  EXPECT_EQ(error_of(request).argument, "lines");
  request.lines.assign(kMaxOrderLines, {.sku = "x", .quantity = 1, .unit_price = 1});
  EXPECT_TRUE(Order::create(request, kNow));
  request.lines.push_back(request.lines.back());
  EXPECT_EQ(error_of(request).argument, "lines");

  request = two_line_order();
  request.lines[0].sku = "";
  EXPECT_EQ(error_of(request).argument, "lines[0].sku");
  request = two_line_order();
  request.lines[0].sku = std::string(kMaxSkuBytes + 1, 'x');
  EXPECT_EQ(error_of(request).argument, "lines[0].sku");
  request = two_line_order();
  request.lines[1].description = "\xFF";
  EXPECT_EQ(error_of(request).argument, "lines[1].description");
  request = two_line_order();
  request.payment_method = "not an id";
  EXPECT_EQ(error_of(request).argument, "payment_method");
}

TEST(OrderTest, KnowsTheRequestThatItWasCreatedFrom) {
  const Order order = Order::create(two_line_order(), kNow).value();
  EXPECT_TRUE(order.was_created_from(two_line_order()));
  NewOrder other = two_line_order();
  other.lines[0].quantity = 7;
  EXPECT_FALSE(order.was_created_from(other));
  other = two_line_order();
  other.customer_id = CustomerId::parse("c-2").value();
  EXPECT_FALSE(order.was_created_from(other));
  other = two_line_order();
  other.payment_method = "pm_decline";
  EXPECT_FALSE(order.was_created_from(other));
  other = two_line_order();
  other.currency = Currency::parse("EUR").value();
  EXPECT_FALSE(order.was_created_from(other));
}

TEST(OrderTest, IsCancelledOnceAndSaysSoWithAnEvent) {
  Order order(Order::create(two_line_order(), kNow).value().snapshot());
  ASSERT_TRUE(order.cancel("changed my mind", kNow + 5));
  EXPECT_EQ(order.snapshot().status, OrderStatus::kCancelled);
  EXPECT_EQ(order.snapshot().failure, "changed my mind");
  EXPECT_EQ(order.snapshot().updated_at_ms, kNow + 5);
  const std::vector<DomainEvent> events = order.events().take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, "order.cancelled");
  EXPECT_EQ(std::get<OrderSnapshot>(events[0].payload), order.snapshot());

  const Status again = order.cancel("again", kNow + 6);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kInvalidState);
  EXPECT_TRUE(order.events().take().empty());
}

TEST(OrderTest, ABadReasonChangesNothing) {
  Order order(Order::create(two_line_order(), kNow).value().snapshot());
  EXPECT_EQ(order.cancel(std::string(kMaxReasonBytes + 1, 'x'), kNow).error().argument, "reason");
  EXPECT_EQ(order.snapshot().status, OrderStatus::kCreated);
}

TEST(OrderTest, NoFinalStatusCanBeLeft) {
  for (const OrderStatus status : {OrderStatus::kPaid, OrderStatus::kPaymentFailed,
                                   OrderStatus::kExpired, OrderStatus::kCancelled}) {
    OrderSnapshot stored = Order::create(two_line_order(), kNow).value().snapshot();
    stored.status = status;
    Order order(stored);
    EXPECT_FALSE(order.cancel("", kNow)) << name_of(status);
    EXPECT_FALSE(order.pay(payment(), kNow)) << name_of(status);
    EXPECT_FALSE(order.fail_payment(payment(), "declined", kNow)) << name_of(status);
    EXPECT_FALSE(order.expire("", kNow)) << name_of(status);
    EXPECT_EQ(order.snapshot(), stored);
  }
}

TEST(OrderTest, IsPaidOnceAndSaysSoWithAnEvent) {
  Order order(Order::create(two_line_order(), kNow).value().snapshot());
  ASSERT_TRUE(order.pay(payment(), kNow + 5));
  EXPECT_EQ(order.snapshot().status, OrderStatus::kPaid);
  EXPECT_EQ(order.snapshot().payment_id, payment());
  const std::vector<DomainEvent> events = order.events().take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, "order.paid");
  EXPECT_EQ(std::get<OrderSnapshot>(events[0].payload), order.snapshot());
  EXPECT_EQ(order.pay(payment(), kNow + 6).error().code, ErrorCode::kInvalidState);
  EXPECT_TRUE(order.events().take().empty());
}

TEST(OrderTest, AFailedPaymentEndsItWithTheReason) {
  Order order(Order::create(two_line_order(), kNow).value().snapshot());
  ASSERT_TRUE(order.fail_payment(payment(), "declined", kNow + 5));
  EXPECT_EQ(order.snapshot().status, OrderStatus::kPaymentFailed);
  EXPECT_EQ(order.snapshot().failure, "declined");
  EXPECT_EQ(order.events().take().at(0).type, "order.payment_failed");
  EXPECT_EQ(order.fail_payment(payment(), "declined", kNow).error().code, ErrorCode::kInvalidState);
}

TEST(OrderTest, ExpiresOnlyWhileItWaits) {
  Order order(Order::create(two_line_order(), kNow).value().snapshot());
  ASSERT_TRUE(order.expire("not published within 300000 ms", kNow + 5));
  EXPECT_EQ(order.snapshot().status, OrderStatus::kExpired);
  EXPECT_EQ(order.snapshot().failure, "not published within 300000 ms");
  EXPECT_EQ(order.events().take().at(0).type, "order.expired");
  EXPECT_EQ(order.expire("", kNow).error().code, ErrorCode::kInvalidState);
}

TEST(OrderTest, ALatePaymentIsAskedBackOnce) {  // G9
  Order order(Order::create(two_line_order(), kNow).value().snapshot());
  ASSERT_TRUE(order.cancel("changed my mind", kNow));
  (void)order.events().take();
  ASSERT_TRUE(order.request_refund(payment(), kNow + 5));
  EXPECT_EQ(order.snapshot().status, OrderStatus::kCancelled);
  EXPECT_EQ(order.snapshot().failure, "changed my mind");
  EXPECT_EQ(order.snapshot().refund, OrderRefund::kRequested);
  const std::vector<DomainEvent> events = order.events().take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, "order.refund_requested");
  EXPECT_EQ(std::get<OrderSnapshot>(events[0].payload).payment_id, payment());

  EXPECT_EQ(order.request_refund(payment(), kNow + 6).error().code, ErrorCode::kInvalidState);
  EXPECT_TRUE(order.events().take().empty());
}

TEST(OrderTest, NothingIsAskedBackForAnOrderThatWaitsForItsPaymentOrHasIt) {
  Order order(Order::create(two_line_order(), kNow).value().snapshot());
  EXPECT_EQ(order.request_refund(payment(), kNow).error().code, ErrorCode::kInvalidState);
  ASSERT_TRUE(order.pay(payment(), kNow));
  EXPECT_EQ(order.request_refund(payment(), kNow).error().code, ErrorCode::kInvalidState);
  EXPECT_EQ(order.snapshot().refund, OrderRefund::kNone);
}

TEST(OrderTest, NotesTheRefundThatItAskedForAndNoOther) {
  Order order(Order::create(two_line_order(), kNow).value().snapshot());
  ASSERT_TRUE(order.cancel("", kNow));
  EXPECT_EQ(order.note_refunded(payment(), kNow).error().code, ErrorCode::kInvalidState);
  ASSERT_TRUE(order.request_refund(payment(), kNow));
  (void)order.events().take();
  EXPECT_EQ(order.note_refunded(payment("pay_2"), kNow).error().code, ErrorCode::kInvalidState);
  ASSERT_TRUE(order.note_refunded(payment(), kNow + 7));
  EXPECT_EQ(order.snapshot().refund, OrderRefund::kRefunded);
  EXPECT_EQ(order.snapshot().updated_at_ms, kNow + 7);
  EXPECT_TRUE(order.events().take().empty()) << "payment.refunded has told it";
  EXPECT_EQ(order.note_refunded(payment(), kNow).error().code, ErrorCode::kInvalidState);
}

TEST(OrderTest, ARefundDoesNotChangeWhichEventEndedTheOrder) {
  Order order = Order::create(two_line_order(), kNow).value();
  order.note_published(5);
  ASSERT_TRUE(order.cancel("", kNow));
  order.note_published(9);
  ASSERT_TRUE(order.request_refund(payment(), kNow));
  order.note_published(12);
  EXPECT_EQ(order.snapshot().settled_seq, 9U);
}

TEST(OrderTest, RemembersTheSequenceNumbersOfItsCreationAndItsEnd) {
  Order order = Order::create(two_line_order(), kNow).value();
  order.note_published(5);
  ASSERT_TRUE(order.cancel("", kNow));
  order.note_published(9);
  EXPECT_EQ(order.snapshot().created_seq, 5U);
  EXPECT_EQ(order.snapshot().settled_seq, 9U);
}

TEST(OrderStatusTest, NamesGoBothWays) {
  for (const OrderStatus status :
       {OrderStatus::kCreated, OrderStatus::kPaid, OrderStatus::kPaymentFailed,
        OrderStatus::kExpired, OrderStatus::kCancelled}) {
    EXPECT_EQ(parse_order_status(name_of(status)).value(), status);
  }
  EXPECT_EQ(parse_order_status("created").error().argument, "status");
}

}  // namespace
}  // namespace outboxd::domain
