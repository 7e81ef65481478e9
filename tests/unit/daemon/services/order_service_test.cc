#include "daemon/services/order_service.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/daemon/services/service_stage.h"

namespace outboxd::daemon {
namespace {

using domain::ErrorCode;

domain::OrderId id(const std::string& text) {
  return domain::OrderId::parse(text).value();
}

domain::NewOrder new_order(const std::string& order_id = "o-1", std::int64_t quantity = 2) {
  return {.order_id = id(order_id),
          .customer_id = domain::CustomerId::parse("c-1").value(),
          .payment_method = "pm_ok",
          .currency = domain::Currency::parse("GBP").value(),
          .lines = {{.sku = "71053", .quantity = quantity, .unit_price = 339}}};
}

class OrderServiceTest : public testing::Test {
 protected:
  domain::Result<OrderOutcome> create(domain::NewOrder request) {
    return stage_.run([&](auto& work) { return service_.create(std::move(request), work); });
  }
  domain::Result<OrderOutcome> cancel(const std::string& order_id, const std::string& reason) {
    return stage_.run([&](auto& work) { return service_.cancel(id(order_id), reason, work); });
  }
  domain::Result<domain::OrderSnapshot> get(const std::string& order_id) {
    return stage_.run([&](auto& work) { return service_.get(id(order_id), work); });
  }

  ServiceStage stage_;
  OrderService service_{stage_.publisher, stage_.clock};
};

TEST_F(OrderServiceTest, AnOrderAndItsEventAreWrittenTogether) {  // G2
  const OrderOutcome outcome = create(new_order()).value();
  EXPECT_FALSE(outcome.replayed);
  EXPECT_EQ(outcome.seq, 1U);
  EXPECT_EQ(get("o-1").value(), outcome.order);
  EXPECT_EQ(stage_.outbox_topics(), "1:orders ");
}

TEST_F(OrderServiceTest, TheSameRequestAgainHasTheSameOutcomeAndNoSecondEvent) {  // G4
  const OrderOutcome first = create(new_order()).value();
  stage_.clock.now_ms += 1000;
  const OrderOutcome second = create(new_order()).value();
  EXPECT_TRUE(second.replayed);
  EXPECT_EQ(second.seq, first.seq);
  EXPECT_EQ(second.order, first.order);
  EXPECT_EQ(stage_.outbox_topics(), "1:orders ");
}

TEST_F(OrderServiceTest, TheSameIdWithOtherContentIsAConflictAndChangesNothing) {  // G4
  const OrderOutcome first = create(new_order("o-1", 2)).value();
  EXPECT_EQ(create(new_order("o-1", 3)).error().code, ErrorCode::kIdConflict);
  EXPECT_EQ(get("o-1").value(), first.order);
  EXPECT_EQ(stage_.outbox_topics(), "1:orders ");
}

TEST_F(OrderServiceTest, ARefusedOrderLeavesNoTraceAndNoGap) {  // G3
  EXPECT_EQ(create(new_order("o-1", 0)).error().argument, "lines[0].quantity");
  EXPECT_EQ(get("o-1").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(create(new_order("o-2")).value().seq, 1U);
}

TEST_F(OrderServiceTest, CancellingAgainForTheSameReasonIsAReplay) {
  (void)create(new_order()).value();
  const OrderOutcome first = cancel("o-1", "late").value();
  EXPECT_EQ(first.order.status, domain::OrderStatus::kCancelled);
  EXPECT_EQ(first.seq, 2U);
  const OrderOutcome second = cancel("o-1", "late").value();
  EXPECT_TRUE(second.replayed);
  EXPECT_EQ(second.seq, 2U);
  EXPECT_EQ(cancel("o-1", "other").error().code, ErrorCode::kIdConflict);
  EXPECT_EQ(cancel("o-9", "late").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(stage_.outbox_topics(), "1:orders 2:orders ");
}

TEST_F(OrderServiceTest, ACreationReplayedAfterTheCancellationStillNamesItsOwnEvent) {
  (void)create(new_order()).value();
  (void)cancel("o-1", "").value();
  EXPECT_EQ(create(new_order()).value().seq, 1U);
}

TEST_F(OrderServiceTest, AFullOutboxRefusesNewOrdersButNotReplays) {
  (void)create(new_order()).value();
  stage_.backlog = {.max_entries = 10, .entries = 10};
  EXPECT_EQ(create(new_order("o-2")).error().code, ErrorCode::kOutboxFull);
  EXPECT_EQ(get("o-2").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(create(new_order()).value().replayed);
}

TEST_F(OrderServiceTest, AnOrderExpiresWithItsEventAndOnlyOnce) {
  (void)create(new_order()).value();
  const auto expire = [&](const std::string& order_id) {
    return stage_.run(
        [&](auto& work) { return service_.expire(id(order_id), "not published in time", work); });
  };
  const OrderOutcome outcome = expire("o-1").value();
  EXPECT_EQ(outcome.order.status, domain::OrderStatus::kExpired);
  EXPECT_EQ(outcome.order.failure, "not published in time");
  EXPECT_EQ(outcome.seq, 2U);
  EXPECT_EQ(expire("o-1").error().code, ErrorCode::kInvalidState);
  EXPECT_EQ(expire("o-9").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(stage_.outbox_topics(), "1:orders 2:orders ");
}

// A publisher that is not the outbox: the service works with what it is given.
class SilentPublisher : public domain::EventPublisher {
 public:
  domain::Result<std::vector<domain::Seq>> publish(std::vector<domain::DomainEvent> events,
                                                   domain::UnitOfWork&) override {
    published += events.size();
    return std::vector<domain::Seq>();
  }

  std::size_t published = 0;
};

TEST_F(OrderServiceTest, AnotherPublisherCanTakeTheOutboxsPlace) {
  SilentPublisher publisher;
  OrderService service(publisher, stage_.clock);
  const OrderOutcome outcome =
      stage_.run([&](auto& work) { return service.create(new_order(), work); }).value();
  EXPECT_EQ(outcome.seq, 0U);
  EXPECT_EQ(publisher.published, 1U);
  EXPECT_EQ(stage_.outbox_topics(), "");
}

}  // namespace
}  // namespace outboxd::daemon
