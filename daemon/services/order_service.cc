#include "daemon/services/order_service.h"

#include <optional>
#include <utility>
#include <vector>

namespace outboxd::daemon {

using domain::Error;
using domain::ErrorCode;
using domain::OrderRefund;
using domain::OrderSnapshot;
using domain::OrderStatus;
using domain::Result;
using domain::Status;

Result<OrderOutcome> OrderService::create(domain::NewOrder request, domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(std::optional<OrderSnapshot> existing,
                           work.orders().find(request.order_id));
  if (existing) {
    const domain::Order order(std::move(*existing));
    if (!order.was_created_from(request)) {
      return Error{ErrorCode::kIdConflict,
                   "order " + request.order_id.text() + " exists with other content", "order_id"};
    }
    return OrderOutcome{order.snapshot(), true, order.snapshot().created_seq};
  }
  OUTBOXD_ASSIGN_OR_RETURN(domain::Order order,
                           domain::Order::create(std::move(request), clock_.wall_ms()));
  return save(std::move(order), work);
}

Result<OrderSnapshot> OrderService::get(const domain::OrderId& id, domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(std::optional<OrderSnapshot> order, work.orders().find(id));
  if (!order) return Error{ErrorCode::kNotFound, "there is no order " + id.text(), "order_id"};
  return std::move(*order);
}

Result<OrderOutcome> OrderService::cancel(const domain::OrderId& id, std::string reason,
                                          domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(OrderSnapshot existing, get(id, work));
  if (existing.status == OrderStatus::kCancelled) {
    if (existing.failure != reason) {
      return Error{
          ErrorCode::kIdConflict,
          "order " + id.text() + " was cancelled for another reason: \"" + existing.failure + "\"",
          "reason"};
    }
    const domain::Seq seq = existing.settled_seq;
    return OrderOutcome{std::move(existing), true, seq};
  }
  domain::Order order(std::move(existing));
  OUTBOXD_TRY(order.cancel(std::move(reason), clock_.wall_ms()));
  return save(std::move(order), work);
}

Status OrderService::payment_completed(const domain::OrderId& id,
                                       const domain::PaymentId& payment_id,
                                       domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(OrderSnapshot known, get(id, work));
  const bool is_told = known.status == OrderStatus::kPaid ? known.payment_id == payment_id
                                                          : known.refund != OrderRefund::kNone;
  if (is_told) return domain::ok_status();
  domain::Order order(std::move(known));
  OUTBOXD_TRY(order.snapshot().status == OrderStatus::kCreated
                  ? order.pay(payment_id, clock_.wall_ms())
                  : order.request_refund(payment_id, clock_.wall_ms()));
  OUTBOXD_TRY(save(std::move(order), work));
  return domain::ok_status();
}

Status OrderService::payment_failed(const domain::OrderId& id, const domain::PaymentId& payment_id,
                                    std::string failure, domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(OrderSnapshot known, get(id, work));
  if (known.status != OrderStatus::kCreated) return domain::ok_status();
  domain::Order order(std::move(known));
  OUTBOXD_TRY(order.fail_payment(payment_id, std::move(failure), clock_.wall_ms()));
  OUTBOXD_TRY(save(std::move(order), work));
  return domain::ok_status();
}

Status OrderService::payment_refunded(const domain::OrderId& id,
                                      const domain::PaymentId& payment_id,
                                      domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(OrderSnapshot known, get(id, work));
  if (known.refund != OrderRefund::kRequested || known.payment_id != payment_id) {
    return domain::ok_status();
  }
  domain::Order order(std::move(known));
  OUTBOXD_TRY(order.note_refunded(payment_id, clock_.wall_ms()));
  work.orders().put(order.snapshot());
  return domain::ok_status();
}

Result<OrderOutcome> OrderService::expire(const domain::OrderId& id, std::string reason,
                                          domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(OrderSnapshot known, get(id, work));
  domain::Order order(std::move(known));
  OUTBOXD_TRY(order.expire(std::move(reason), clock_.wall_ms()));
  return save(std::move(order), work);
}

Result<OrderOutcome> OrderService::save(domain::Order order, domain::UnitOfWork& work) {
  OUTBOXD_ASSIGN_OR_RETURN(const std::vector<domain::Seq> seqs,
                           publisher_.publish(order.events().take(), work));
  const domain::Seq seq = seqs.empty() ? 0 : seqs.back();
  order.note_published(seq);
  work.orders().put(order.snapshot());
  return OrderOutcome{order.snapshot(), false, seq};
}

}  // namespace outboxd::daemon
