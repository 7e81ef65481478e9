#include "daemon/services/payment_service.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/daemon/services/service_stage.h"

namespace outboxd::daemon {
namespace {

using domain::ErrorCode;
using domain::PaymentStatus;
using domain::Status;

domain::PaymentDue due() {
  return {.source = "tills",
          .order_id = domain::OrderId::parse("o-1").value(),
          .amount = 2208,
          .currency = domain::Currency::parse("GBP").value(),
          .payment_method = "pm_ok"};
}

class PaymentServiceTest : public testing::Test {
 protected:
  Status complete() {
    return stage_.run([&](auto& work) { return service_.complete(due(), 2, "ch_17", work); });
  }
  Status fail(std::string_view failure) {
    return stage_.run(
        [&](auto& work) { return service_.fail(due(), 1, failure, "no such card", work); });
  }
  Status refund() {
    return stage_.run([&](auto& work) { return service_.refund(id_, work); });
  }
  domain::Result<domain::PaymentSnapshot> get() {
    return stage_.run([&](auto& work) { return service_.get(id_, work); });
  }

  const domain::PaymentId id_ = domain::payment_id_of("tills", due().order_id);
  ServiceStage stage_;
  PaymentService service_{stage_.publisher, stage_.clock};
};

TEST_F(PaymentServiceTest, APaymentAndItsEventAreWrittenTogether) {  // G2
  ASSERT_TRUE(complete());
  EXPECT_EQ(get()->status, PaymentStatus::kCompleted);
  EXPECT_EQ(get()->decided_seq, 1U);
  EXPECT_EQ(stage_.outbox_topics(), "1:payments ");
}

TEST_F(PaymentServiceTest, WhatIsOnRecordIsLeftAlone) {  // G8
  ASSERT_TRUE(complete());
  const domain::PaymentSnapshot first = get().value();
  stage_.clock.now_ms += 1000;
  EXPECT_TRUE(complete());
  EXPECT_TRUE(fail("dead_lettered"));
  EXPECT_EQ(get().value(), first);
  EXPECT_EQ(stage_.outbox_topics(), "1:payments ");
}

TEST_F(PaymentServiceTest, AFailureIsDecidedOnce) {
  ASSERT_TRUE(fail("declined"));
  EXPECT_TRUE(fail("dead_lettered"));
  EXPECT_EQ(get()->failure, "declined");
  EXPECT_EQ(stage_.outbox_topics(), "1:payments ");
}

TEST_F(PaymentServiceTest, MoneyThatHasMovedIsAlwaysOnRecord) {  // G9
  ASSERT_TRUE(fail("dead_lettered"));
  ASSERT_TRUE(complete());
  EXPECT_EQ(get()->status, PaymentStatus::kCompleted);
  EXPECT_EQ(stage_.outbox_topics(), "1:payments 2:payments ");
}

TEST_F(PaymentServiceTest, ARefundIsRecordedOnce) {
  ASSERT_TRUE(complete());
  ASSERT_TRUE(refund());
  EXPECT_TRUE(refund());
  EXPECT_EQ(get()->status, PaymentStatus::kRefunded);
  EXPECT_EQ(get()->refunded_seq, 2U);
  EXPECT_EQ(stage_.outbox_topics(), "1:payments 2:payments ");
  EXPECT_TRUE(complete()) << "a late repetition of the charge";
  EXPECT_EQ(get()->status, PaymentStatus::kRefunded);
}

TEST_F(PaymentServiceTest, WhatWasNeverCompletedCannotBeRefunded) {
  EXPECT_EQ(refund().error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(fail("declined"));
  EXPECT_EQ(refund().error().code, ErrorCode::kInvalidState);
  EXPECT_EQ(get()->status, PaymentStatus::kFailed);
}

TEST_F(PaymentServiceTest, AFullOutboxLeavesNothingWritten) {
  stage_.backlog = {.max_entries = 10, .entries = 10};
  EXPECT_EQ(complete().error().code, ErrorCode::kOutboxFull);
  EXPECT_EQ(get().error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace outboxd::daemon
