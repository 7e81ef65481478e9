#include "domain/payment.h"

#include <array>
#include <utility>

#include "domain/sha256.h"
#include "domain/status_names.h"
#include "domain/text.h"

namespace outboxd::domain {
namespace {

constexpr std::array kPaymentStatusNames = {
    StatusName{PaymentStatus::kCompleted, "COMPLETED"},
    StatusName{PaymentStatus::kFailed, "FAILED"},
    StatusName{PaymentStatus::kRefunded, "REFUNDED"},
};

constexpr std::size_t kPaymentIdBytes = 16;  // of the hash

PaymentId payment_id_from(const std::string& name) {
  const auto digest = sha256(name);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "pay_";
  for (std::size_t i = 0; i < kPaymentIdBytes; ++i) {
    text.push_back(kDigits[digest[i] >> 4]);
    text.push_back(kDigits[digest[i] & 15]);
  }
  return PaymentId::parse(text).value();
}

// What its events are about: they keep their order by it.
struct KeyOf {
  const std::string& operator()(const OrderCharge& charge) const { return charge.order_id.text(); }
  const std::string& operator()(const ReservationCharge& charge) const {
    return charge.reservation_id.text();
  }
};

PaymentSnapshot snapshot_of(PaymentDue due, std::uint32_t attempts, TimestampMs now_ms) {
  PaymentId payment_id = payment_id_of(due.source, due.order_id);
  return {.payment_id = std::move(payment_id),
          .source = std::move(due.source),
          .subject = OrderCharge{.order_id = std::move(due.order_id),
                                 .amount = due.amount,
                                 .currency = due.currency,
                                 .payment_method = std::move(due.payment_method)},
          .attempts = attempts,
          .created_at_ms = now_ms,
          .updated_at_ms = now_ms};
}

Error invalid_state(const PaymentSnapshot& payment, PaymentStatus wanted) {
  return {ErrorCode::kInvalidState,
          "payment " + payment.payment_id.text() + " is " + std::string(name_of(payment.status)) +
              " and cannot become " + std::string(name_of(wanted)),
          "payment_id"};
}

}  // namespace

std::string_view name_of(PaymentStatus status) {
  return name_in(kPaymentStatusNames, status);
}

Result<PaymentStatus> parse_payment_status(std::string_view name) {
  if (const auto status = status_in(kPaymentStatusNames, name)) return *status;
  return bad_request("status", "status must be COMPLETED, FAILED or REFUNDED");
}

// No identifier holds a '/', so no other pair, and nothing of the other kind, makes the same text.
PaymentId payment_id_of(std::string_view source, const OrderId& order_id) {
  return payment_id_from(std::string(source) + "/" + order_id.text());
}

PaymentId payment_id_of(std::string_view source, const ReservationId& reservation_id) {
  return payment_id_from(std::string(source) + "/reservation/" + reservation_id.text());
}

Payment Payment::completed(PaymentDue due, std::uint32_t attempts, std::string_view reference,
                           TimestampMs now_ms) {
  Payment payment(snapshot_of(std::move(due), attempts, now_ms));
  payment.snapshot_.gateway_reference = cut_text(reference, kMaxGatewayReferenceBytes);
  payment.record("payment.completed");
  return payment;
}

Payment Payment::failed(PaymentDue due, std::uint32_t attempts, std::string_view failure,
                        std::string_view detail, TimestampMs now_ms) {
  Payment payment(snapshot_of(std::move(due), attempts, now_ms));
  payment.snapshot_.status = PaymentStatus::kFailed;
  payment.snapshot_.failure = failure;
  payment.snapshot_.failure_detail = cut_text(detail, kMaxFailureDetailBytes);
  payment.record("payment.failed");
  return payment;
}

Payment Payment::booked(PointsSpent spent, std::uint32_t attempts, TimestampMs now_ms) {
  PaymentId payment_id = payment_id_of(spent.source, spent.reservation_id);
  Payment payment(PaymentSnapshot{
      .payment_id = std::move(payment_id),
      .source = std::move(spent.source),
      .subject = ReservationCharge{.reservation_id = std::move(spent.reservation_id),
                                   .points = spent.points},
      .attempts = attempts,
      .created_at_ms = now_ms,
      .updated_at_ms = now_ms});
  payment.record("payment.completed");
  return payment;
}

Status Payment::complete_after_all(std::uint32_t attempts, std::string_view reference,
                                   TimestampMs now_ms) {
  if (snapshot_.status != PaymentStatus::kFailed) {
    return invalid_state(snapshot_, PaymentStatus::kCompleted);
  }
  snapshot_.status = PaymentStatus::kCompleted;
  snapshot_.attempts = attempts;
  snapshot_.failure.clear();
  snapshot_.failure_detail.clear();
  snapshot_.gateway_reference = cut_text(reference, kMaxGatewayReferenceBytes);
  snapshot_.updated_at_ms = now_ms;
  record("payment.completed");
  return ok_status();
}

Status Payment::refund(TimestampMs now_ms) {
  if (snapshot_.status != PaymentStatus::kCompleted ||
      !std::holds_alternative<OrderCharge>(snapshot_.subject)) {
    return invalid_state(snapshot_, PaymentStatus::kRefunded);
  }
  snapshot_.status = PaymentStatus::kRefunded;
  snapshot_.updated_at_ms = now_ms;
  record("payment.refunded");
  return ok_status();
}

void Payment::tell_again() {
  switch (snapshot_.status) {
    case PaymentStatus::kCompleted: return record("payment.completed");
    case PaymentStatus::kFailed: return record("payment.failed");
    case PaymentStatus::kRefunded: return record("payment.refunded");
  }
}

void Payment::note_published(Seq seq) {
  (snapshot_.status == PaymentStatus::kRefunded ? snapshot_.refunded_seq : snapshot_.decided_seq) =
      seq;
}

void Payment::record(std::string_view type) {
  events_.record(DomainEvent{.topic = std::string(kPaymentsTopic),
                             .key = std::visit(KeyOf{}, snapshot_.subject),
                             .type = std::string(type),
                             .time_ms = snapshot_.updated_at_ms,
                             .ttl_ms = std::nullopt,
                             .traceparent = {},
                             .payload = snapshot_});
}

}  // namespace outboxd::domain
