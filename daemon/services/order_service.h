// Use cases on orders.
#pragma once

#include <string>

#include "domain/clock.h"
#include "domain/event_publisher.h"
#include "domain/order.h"
#include "domain/unit_of_work.h"

namespace outboxd::daemon {

// What a mutation of an order came to.
struct OrderOutcome {
  domain::OrderSnapshot order;
  bool replayed = false;  // the same was asked before: this is the outcome of then (G4)
  domain::Seq seq = 0;    // of the mutation's event; 0 when its publisher gave none
};

// Sees ports only. Core thread; an error leaves nothing written.
class OrderService {
 public:
  OrderService(domain::EventPublisher& publisher, const domain::Clock& clock)
      : publisher_(publisher), clock_(clock) {}

  // Creates the order, or finds that the same request created it before. Errors: id_conflict when
  // the order exists with other content; what Order::create and the publisher refuse.
  domain::Result<OrderOutcome> create(domain::NewOrder request, domain::UnitOfWork& work);

  // Errors: not_found.
  domain::Result<domain::OrderSnapshot> get(const domain::OrderId& id, domain::UnitOfWork& work);

  // Cancels an order that is CREATED, or finds that it was cancelled for the same reason. Errors:
  // not_found, id_conflict when it was cancelled for another reason, invalid_state when it has
  // ended otherwise.
  domain::Result<OrderOutcome> cancel(const domain::OrderId& id, std::string reason,
                                      domain::UnitOfWork& work);

  // The payment of an order is completed: an order that waits for it becomes PAID, and one that has
  // ended otherwise asks it back. Nothing happens to an order that was told before. Errors:
  // not_found; invalid_state when it was paid by another payment; what the publisher refuses.
  domain::Status payment_completed(const domain::OrderId& id, const domain::PaymentId& payment_id,
                                   domain::UnitOfWork& work);

  // The payment of an order has failed: an order that waits for it becomes PAYMENT_FAILED. Nothing
  // happens to others. Errors: not_found; what the publisher refuses.
  domain::Status payment_failed(const domain::OrderId& id, const domain::PaymentId& payment_id,
                                std::string failure, domain::UnitOfWork& work);

  // The payment that an order asked back is refunded. Nothing happens to an order that asked for no
  // refund of it, or was told before. Errors: not_found.
  domain::Status payment_refunded(const domain::OrderId& id, const domain::PaymentId& payment_id,
                                  domain::UnitOfWork& work);

  // The order could not be published in time: it becomes EXPIRED. Errors: not_found, invalid_state
  // when it is not CREATED any more; what the publisher refuses.
  domain::Result<OrderOutcome> expire(const domain::OrderId& id, std::string reason,
                                      domain::UnitOfWork& work);

 private:
  domain::Result<OrderOutcome> save(domain::Order order, domain::UnitOfWork& work);

  domain::EventPublisher& publisher_;
  const domain::Clock& clock_;
};

}  // namespace outboxd::daemon
