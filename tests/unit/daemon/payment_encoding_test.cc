#include "daemon/payment_encoding.h"

#include <string>

#include <gtest/gtest.h>

#include "daemon/event_data.h"
#include "daemon/order_encoding.h"
#include "domain/order.h"

namespace outboxd::daemon {
namespace {

domain::PaymentDue due() {
  return {.source = "tills",
          .order_id = domain::OrderId::parse("o-1").value(),
          .amount = 2208,
          .currency = domain::Currency::parse("GBP").value(),
          .payment_method = "pm_ok"};
}

std::string encoded(const domain::Payment& payment) {
  std::string data;
  transport::Writer writer(data);
  write_payment(writer, payment.snapshot());
  return data;
}

TEST(PaymentEncodingTest, ACompletedPaymentShowsWhatItHasAndNothingElse) {
  const std::string data =
      encoded(domain::Payment::completed(due(), 3, "ch_17", 1'291'191'960'000));
  transport::Document document;
  EXPECT_EQ(document.decode(data)->size(), 11U);
  EventData fields;
  ASSERT_TRUE(fields.decode(data));
  EXPECT_EQ(fields.string("payment_id").value(),
            domain::payment_id_of("tills", due().order_id).text());
  EXPECT_EQ(fields.string("order_id").value(), "o-1");
  EXPECT_EQ(fields.string("source").value(), "tills");
  EXPECT_EQ(fields.integer("amount").value(), 2208);
  EXPECT_EQ(fields.string("currency").value(), "GBP");
  EXPECT_EQ(fields.string("payment_method").value(), "pm_ok");
  EXPECT_EQ(fields.string("status").value(), "COMPLETED");
  EXPECT_EQ(fields.integer("attempts").value(), 3);
  EXPECT_EQ(fields.string("gateway_reference").value(), "ch_17");
  EXPECT_EQ(fields.string("created_at").value(), "2010-12-01T08:26:00.000Z");
  EXPECT_FALSE(fields.string("failure"));
}

TEST(PaymentEncodingTest, AFailedPaymentSaysWhyAndItsUnknownAttemptsAreNotThere) {
  const std::string data =
      encoded(domain::Payment::failed(due(), 0, domain::kFailureDeadLettered, "down", 0));
  transport::Document document;
  EXPECT_EQ(document.decode(data)->size(), 11U);
  EventData fields;
  ASSERT_TRUE(fields.decode(data));
  EXPECT_EQ(fields.string("status").value(), "FAILED");
  EXPECT_EQ(fields.string("failure").value(), "dead_lettered");
  EXPECT_EQ(fields.string("failure_detail").value(), "down");
  EXPECT_FALSE(fields.integer("attempts"));
}

TEST(PaymentEncodingTest, TheOrdersSideReadsWhatThePaymentsSideWrites) {
  const PaymentNews news =
      read_payment_news(encoded(domain::Payment::failed(due(), 1, "declined", "", 0)))
          .value()
          .value();
  EXPECT_EQ(news.order_id, due().order_id);
  EXPECT_EQ(news.payment_id, domain::payment_id_of("tills", due().order_id));
  EXPECT_EQ(news.source, "tills");
  EXPECT_EQ(news.failure, "declined");
}

TEST(PaymentEncodingTest, ThePaymentsSideReadsWhatTheOrdersSideWrites) {
  const domain::Order order =
      domain::Order::create({.order_id = due().order_id,
                             .customer_id = domain::CustomerId::parse("c-1").value(),
                             .payment_method = "pm_ok",
                             .currency = due().currency,
                             .lines = {{.sku = "x", .quantity = 2, .unit_price = 1104}}},
                            0)
          .value();
  std::string data;
  transport::Writer writer(data);
  write_order(writer, order.snapshot());
  const domain::PaymentDue read = read_payment_due("tills", data).value();
  EXPECT_EQ(read.source, "tills");
  EXPECT_EQ(read.order_id, due().order_id);
  EXPECT_EQ(read.amount, 2208);
  EXPECT_EQ(read.currency, due().currency);
  EXPECT_EQ(read.payment_method, "pm_ok");
}

TEST(PaymentEncodingTest, ThePaymentOfAReservationSaysSoAndIsNoNewsForOrders) {
  const domain::PointsSpent spent{.source = "tills",
                                  .reservation_id = domain::ReservationId::parse("r-1").value(),
                                  .points = 7};
  const std::string data = encoded(domain::Payment::booked(spent, 1, 0));
  EventData fields;
  ASSERT_TRUE(fields.decode(data));
  EXPECT_EQ(fields.string("reservation_id").value(), "r-1");
  EXPECT_EQ(fields.integer("points").value(), 7);
  EXPECT_FALSE(fields.string("order_id"));
  const auto news = read_payment_news(data);
  ASSERT_TRUE(news.ok());
  EXPECT_FALSE(news->has_value());
}

}  // namespace
}  // namespace outboxd::daemon
