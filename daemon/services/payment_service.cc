#include "daemon/services/payment_service.h"

#include <string>
#include <utility>
#include <vector>

namespace outboxd::daemon {

using domain::Error;
using domain::ErrorCode;
using domain::Payment;
using domain::PaymentSnapshot;
using domain::PaymentStatus;
using domain::Result;
using domain::Status;

Result<PaymentSnapshot> PaymentService::get(const domain::PaymentId& id, domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(std::optional<PaymentSnapshot> payment, work.payments().find(id));
  if (!payment)
    return Error{ErrorCode::kNotFound, "there is no payment " + id.text(), "payment_id"};
  return std::move(*payment);
}

Status PaymentService::complete(const domain::PaymentDue& due, std::uint32_t attempts,
                                std::string_view reference, domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(std::optional<PaymentSnapshot> known,
                           work.payments().find(domain::payment_id_of(due.source, due.order_id)));
  if (!known) return save(Payment::completed(due, attempts, reference, clock_.wall_ms()), work);
  if (known->status != PaymentStatus::kFailed) return domain::ok_status();
  Payment payment(std::move(*known));
  OUTBOXD_TRY(payment.complete_after_all(attempts, reference, clock_.wall_ms()));
  return save(std::move(payment), work);
}

Status PaymentService::fail(const domain::PaymentDue& due, std::uint32_t attempts,
                            std::string_view failure, std::string_view detail,
                            domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(const std::optional<PaymentSnapshot> known,
                           work.payments().find(domain::payment_id_of(due.source, due.order_id)));
  if (known) return domain::ok_status();
  return save(Payment::failed(due, attempts, failure, detail, clock_.wall_ms()), work);
}

Status PaymentService::tell_again(const domain::PaymentId& id, domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(PaymentSnapshot known, get(id, work));
  Payment payment(std::move(known));
  payment.tell_again();
  return save(std::move(payment), work);
}

Status PaymentService::book(const domain::PointsSpent& spent, std::uint32_t attempts,
                            domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(
      const std::optional<PaymentSnapshot> known,
      work.payments().find(domain::payment_id_of(spent.source, spent.reservation_id)));
  if (known) return domain::ok_status();
  return save(Payment::booked(spent, attempts, clock_.wall_ms()), work);
}

Status PaymentService::refund(const domain::PaymentId& id, domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(PaymentSnapshot known, get(id, work));
  if (known.status == PaymentStatus::kRefunded) return domain::ok_status();
  Payment payment(std::move(known));
  OUTBOXD_TRY(payment.refund(clock_.wall_ms()));
  return save(std::move(payment), work);
}

Status PaymentService::save(Payment payment, domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(const std::vector<domain::Seq> seqs,
                           publisher_.publish(payment.events().take(), work));
  payment.note_published(seqs.empty() ? 0 : seqs.back());
  work.payments().put(payment.snapshot());
  return domain::ok_status();
}

}  // namespace outboxd::daemon
