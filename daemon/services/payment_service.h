// Use cases on payments.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/clock.h"
#include "domain/event_publisher.h"
#include "domain/payment.h"
#include "domain/unit_of_work.h"

namespace outboxd::daemon {

// Writes down what became of the money, with the event that tells it. What is on record already is
// found and left alone, so each of these may be repeated. Sees ports only. Core thread; an error
// leaves nothing written.
class PaymentService {
 public:
  PaymentService(domain::EventPublisher& publisher, const domain::Clock& clock)
      : publisher_(publisher), clock_(clock) {}

  // Errors: not_found.
  domain::Result<domain::PaymentSnapshot> get(const domain::PaymentId& id,
                                              domain::UnitOfWork& work);

  // The gateway has charged `due`. A payment that was given up for failed becomes COMPLETED: money
  // that has moved is always on record (G9). Errors: what the publisher refuses.
  domain::Status complete(const domain::PaymentDue& due, std::uint32_t attempts,
                          std::string_view reference, domain::UnitOfWork& work);

  // `due` will not be paid. Nothing happens when it was decided before. Errors: what the publisher
  // refuses.
  domain::Status fail(const domain::PaymentDue& due, std::uint32_t attempts,
                      std::string_view failure, std::string_view detail, domain::UnitOfWork& work);

  // Tells once more what became of payment `id`. Errors: not_found; what the publisher refuses.
  domain::Status tell_again(const domain::PaymentId& id, domain::UnitOfWork& work);

  // Books points that were paid already. Nothing happens when they are booked. Errors: what the
  // publisher refuses.
  domain::Status book(const domain::PointsSpent& spent, std::uint32_t attempts,
                      domain::UnitOfWork& work);

  // The gateway has given the money back. Errors: not_found; invalid_state when the payment was
  // never completed; what the publisher refuses.
  domain::Status refund(const domain::PaymentId& id, domain::UnitOfWork& work);

 private:
  domain::Status save(domain::Payment payment, domain::UnitOfWork& work);

  domain::EventPublisher& publisher_;
  const domain::Clock& clock_;
};

}  // namespace outboxd::daemon
