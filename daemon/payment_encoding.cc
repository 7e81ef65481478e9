#include "daemon/payment_encoding.h"

#include <utility>

#include "daemon/event_data.h"
#include "domain/time_format.h"

namespace outboxd::daemon {
namespace {

constexpr std::size_t kFieldsOfEveryPayment = 5;

struct SubjectFields {
  std::size_t operator()(const domain::OrderCharge&) const { return 4; }
  std::size_t operator()(const domain::ReservationCharge&) const { return 2; }
};

struct SubjectWriter {
  transport::Writer& writer;

  void operator()(const domain::OrderCharge& charge) const {
    writer.field("order_id", charge.order_id.text())
        .field("amount", charge.amount)
        .field("currency", charge.currency.code())
        .field("payment_method", charge.payment_method);
  }
  void operator()(const domain::ReservationCharge& charge) const {
    writer.field("reservation_id", charge.reservation_id.text()).field("points", charge.points);
  }
};

}  // namespace

void write_payment(transport::Writer& writer, const domain::PaymentSnapshot& payment) {
  writer.map(kFieldsOfEveryPayment + std::visit(SubjectFields{}, payment.subject) +
             (payment.attempts == 0 ? 0 : 1) + (payment.failure.empty() ? 0 : 1) +
             (payment.failure_detail.empty() ? 0 : 1) +
             (payment.gateway_reference.empty() ? 0 : 1));
  writer.field("payment_id", payment.payment_id.text()).field("source", payment.source);
  std::visit(SubjectWriter{writer}, payment.subject);
  writer.field("status", name_of(payment.status));
  if (payment.attempts != 0) writer.field("attempts", std::uint64_t{payment.attempts});
  if (!payment.failure.empty()) writer.field("failure", payment.failure);
  if (!payment.failure_detail.empty()) writer.field("failure_detail", payment.failure_detail);
  if (!payment.gateway_reference.empty()) {
    writer.field("gateway_reference", payment.gateway_reference);
  }
  writer.field("created_at", domain::rfc3339(payment.created_at_ms))
      .field("updated_at", domain::rfc3339(payment.updated_at_ms));
}

domain::Result<std::optional<PaymentNews>> read_payment_news(std::string_view event_data) {
  EventData data;
  OUTBOXD_TRY(data.decode(event_data));
  OUTBOXD_ASSIGN_OR_RETURN(const auto reservation_id, data.optional_string("reservation_id"));
  if (!reservation_id.empty()) return std::optional<PaymentNews>();
  OUTBOXD_ASSIGN_OR_RETURN(auto payment_id, data.id<domain::PaymentId>("payment_id"));
  OUTBOXD_ASSIGN_OR_RETURN(auto order_id, data.id<domain::OrderId>("order_id"));
  OUTBOXD_ASSIGN_OR_RETURN(const std::string_view source, data.string("source"));
  OUTBOXD_ASSIGN_OR_RETURN(const std::string_view failure, data.optional_string("failure"));
  return std::optional(PaymentNews{.payment_id = std::move(payment_id),
                                   .order_id = std::move(order_id),
                                   .source = std::string(source),
                                   .failure = std::string(failure)});
}

}  // namespace outboxd::daemon
