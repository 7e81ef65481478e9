#include "daemon/payments/payments_module.h"

#include <optional>
#include <utility>

#include "daemon/event_data.h"
#include "daemon/order_encoding.h"
#include "daemon/reservation_encoding.h"
#include "domain/order.h"
#include "domain/reservation.h"
#include "systemd/log.h"

namespace outboxd::daemon {
namespace {

using domain::GatewayAnswer;
using domain::PaymentId;
using domain::PaymentSnapshot;
using domain::PaymentStatus;
using domain::Result;
using domain::Status;
using Verdict = GatewayAnswer::Verdict;

// Orders at a time: what keeps the workers busy when the gateway takes its time, and what all
// of them together get done with in a tenth of a second at best.
constexpr std::size_t kLeastCreditPerWorker = 4;
constexpr std::size_t kMostCredit = 4096;
// A booking costs a commit and nothing else.
constexpr std::size_t kBookingCredit = 1024;

// The idempotency key. In life 0 as before there were lives: an upgrade must not change the key of
// a charge that is under way.
std::string identity_of(const InboxEvent& event) {
  const std::string life = event.life == 0 ? "" : std::to_string(event.life) + "/";
  return event.producer + "/" + life + std::to_string(event.seq);
}

Result<PaymentId> payment_asked_back(std::string_view event_data) {
  EventData data;
  OUTBOXD_TRY(data.decode(event_data));
  return data.id<PaymentId>("payment_id");
}

domain::RefundRequest refund_request(const PaymentSnapshot& payment,
                                     const domain::OrderCharge& charge, std::string key) {
  return {.idempotency_key = std::move(key),
          .payment_id = payment.payment_id,
          .gateway_reference = payment.gateway_reference,
          .order_id = charge.order_id,
          .amount = charge.amount,
          .currency = charge.currency,
          .payment_method = charge.payment_method};
}

}  // namespace

PaymentsModule::PaymentsModule(PaymentsModuleParts parts)
    : parts_(parts), pacer_(kLeastCreditPerWorker * parts_.gateway_workers, kMostCredit) {}

void PaymentsModule::subscribe() {
  subscribe_to_orders();
  parts_.inbox.subscribe(std::string(domain::kReservationsTopic), kPaymentsGroup, kBookingCredit,
                         *this);
  parts_.inbox.subscribe(kDeadReservationsTopic, kPaymentsGroup, kBookingCredit, *this);
}

void PaymentsModule::subscribe_to_orders() {
  const std::size_t credit = pacer_.credit();
  parts_.inbox.subscribe(std::string(domain::kOrdersTopic), kPaymentsGroup, credit, *this);
  parts_.inbox.subscribe(kDeadOrdersTopic, kPaymentsGroup, credit, *this);
}

void PaymentsModule::consume(const InboxEvent& event, DeliveryId delivery) {
  const Result<transport::Envelope> envelope =
      transport::decode_envelope(event.envelope, document_);
  if (!envelope) {
    parts_.inbox.bury(delivery, "the event cannot be read: " + envelope.error().message);
  } else if (envelope->type == "order.created") {
    pay(event, envelope->data, delivery);
  } else if (envelope->type == "order.refund_requested") {
    refund(event, envelope->data, delivery);
  } else if (envelope->type == "reservation.paid") {
    book(event, envelope->data, delivery);
  } else {
    parts_.inbox.pass_over(delivery);
  }
}

void PaymentsModule::pay(const InboxEvent& event, std::string_view data, DeliveryId delivery) {
  Result<domain::PaymentDue> due = read_payment_due(event.producer, data);
  if (!due) return parts_.inbox.bury(delivery, due.error().message);
  const auto known = find(domain::payment_id_of(due->source, due->order_id));
  if (!known) return parts_.inbox.retry(delivery, known.error().message);
  if (*known) return decided(event, *due, **known, delivery);
  Order order{.due = *std::move(due), .delivery = delivery, .attempt = event.attempt, .death = {}};
  if (event.topic == kDeadOrdersTopic) {
    order.attempt = 0;
    order.death = event.reason;
    if (event.attempt > kLastQuestions) {
      systemd::log_error("an order is given up unasked; the gateway may have charged it",
                         {{"order", order.due.order_id.text()}, {"key", identity_of(event)}});
      return give_up(order);
    }
  }
  charge(std::move(order), identity_of(event));
}

// An earlier event about the same order has decided it. A box in a later life may have lost the
// news with its former store, and its group does not get them again: it is told once more, and
// nobody is charged (G9).
void PaymentsModule::decided(const InboxEvent& event, const domain::PaymentDue& due,
                             const domain::PaymentSnapshot& payment, DeliveryId delivery) {
  if (event.life == 0) return acknowledge(delivery);
  const auto* charge = std::get_if<domain::OrderCharge>(&payment.subject);
  if (charge == nullptr || charge->amount != due.amount || charge->currency != due.currency) {
    systemd::log_error(
        "an order has the id of one that was decided in a former life, and another amount; it "
        "stays open",
        {{"order", due.order_id.text()}, {"producer", event.producer}});
    return acknowledge(delivery);
  }
  parts_.inbox.commit(delivery, [this, id = payment.payment_id](domain::UnitOfWork& work) {
    return parts_.payments.tell_again(id, work);
  });
}

void PaymentsModule::charge(Order order, std::string key) {
  domain::ChargeRequest request{.idempotency_key = std::move(key),
                                .order_id = order.due.order_id,
                                .amount = order.due.amount,
                                .currency = order.due.currency,
                                .payment_method = order.due.payment_method};
  const DeliveryId delivery = order.delivery;
  call(
      delivery,
      [request = std::move(request)](domain::PaymentGateway& gateway) {
        return gateway.charge(request);
      },
      [this, order = std::move(order)](const GatewayAnswer& answer) { charged(order, answer); });
}

void PaymentsModule::charged(const Order& order, const GatewayAnswer& answer) {
  switch (answer.verdict) {
    case Verdict::kApproved:
      ++counters_.approved;
      return parts_.inbox.commit(order.delivery,
                                 [this, due = order.due, attempt = order.attempt,
                                  reference = answer.reference](domain::UnitOfWork& work) {
                                   return parts_.payments.complete(due, attempt, reference, work);
                                 });
    case Verdict::kDeclined:
      ++counters_.declined;
      return fail(order, domain::kFailureDeclined, answer.text);
    case Verdict::kUnavailable:
      if (order.death) return give_up(order);
      ++counters_.unavailable;
      return parts_.inbox.retry(order.delivery, answer.text);
  }
}

void PaymentsModule::give_up(const Order& order) {
  ++counters_.dead_lettered;
  fail(order, domain::kFailureDeadLettered, *order.death);
}

void PaymentsModule::fail(const Order& order, std::string_view failure, const std::string& detail) {
  parts_.inbox.commit(order.delivery, [this, due = order.due, attempt = order.attempt, failure,
                                       detail](domain::UnitOfWork& work) {
    return parts_.payments.fail(due, attempt, failure, detail, work);
  });
}

void PaymentsModule::book(const InboxEvent& event, std::string_view data, DeliveryId delivery) {
  Result<domain::PointsSpent> spent = read_points_spent(event.producer, data);
  if (!spent) return parts_.inbox.bury(delivery, spent.error().message);
  ++counters_.booked;
  parts_.inbox.commit(delivery, [this, spent = *std::move(spent),
                                 attempt = event.attempt](domain::UnitOfWork& work) {
    return parts_.payments.book(spent, attempt, work);
  });
}

void PaymentsModule::refund(const InboxEvent& event, std::string_view data, DeliveryId delivery) {
  Result<PaymentId> id = payment_asked_back(data);
  if (!id) return parts_.inbox.bury(delivery, id.error().message);
  const auto known = find(*id);
  if (!known) return parts_.inbox.retry(delivery, known.error().message);
  const std::optional<PaymentSnapshot>& payment = *known;
  if (payment && payment->source != event.producer) {
    return parts_.inbox.bury(delivery, "payment " + id->text() + " is of an order of producer " +
                                           payment->source + ", not " + event.producer);
  }
  if (payment && payment->status == PaymentStatus::kRefunded) return acknowledge(delivery);
  if (!payment || payment->status != PaymentStatus::kCompleted) {
    // The box that made it consumes in the same group; sooner or later the event gets there.
    return parts_.inbox.retry(delivery, "there is no completed payment " + id->text() + " here");
  }
  const auto* charge = std::get_if<domain::OrderCharge>(&payment->subject);
  if (charge == nullptr) {
    return parts_.inbox.bury(delivery, "payment " + id->text() + " is not of an order");
  }
  call(
      delivery,
      [request = refund_request(*payment, *charge, identity_of(event))](
          domain::PaymentGateway& gateway) { return gateway.refund(request); },
      [this, delivery, id = *std::move(id), is_dead_letter = event.topic == kDeadOrdersTopic](
          const GatewayAnswer& answer) { refunded(id, is_dead_letter, delivery, answer); });
}

void PaymentsModule::refunded(const PaymentId& id, bool is_dead_letter, DeliveryId delivery,
                              const GatewayAnswer& answer) {
  switch (answer.verdict) {
    case Verdict::kApproved:
      ++counters_.refunded;
      return parts_.inbox.commit(delivery, [this, id](domain::UnitOfWork& work) {
        return parts_.payments.refund(id, work);
      });
    case Verdict::kDeclined:
      if (!is_dead_letter) {
        return parts_.inbox.bury(delivery, "the gateway declines the refund: " + answer.text);
      }
      // It was asked again as a dead letter, and stays one for people to see.
      ++counters_.refunds_declined;
      systemd::log_error("a payment cannot be refunded; money is owed",
                         {{"payment", id.text()}, {"reason", answer.text}});
      return acknowledge(delivery);
    case Verdict::kUnavailable:
      ++counters_.unavailable;
      return parts_.inbox.retry(delivery, answer.text);
  }
}

Result<std::optional<PaymentSnapshot>> PaymentsModule::find(const PaymentId& id) {
  Result<std::optional<PaymentSnapshot>> found = std::optional<PaymentSnapshot>();
  parts_.commits.look([&](domain::UnitOfWork& work) { found = work.payments().find(id); });
  return found;
}

void PaymentsModule::call(DeliveryId delivery, GatewayCalls::Call call,
                          GatewayCalls::Answered answered) {
  const bool is_started = parts_.gateway.start(
      std::move(call), [this, answered = std::move(answered)](const GatewayAnswer& answer) {
        answered(answer);
        if (pacer_.done(parts_.clock.monotonic_ms())) subscribe_to_orders();
      });
  if (!is_started) parts_.inbox.retry(delivery, "too many payments wait for the gateway");
}

void PaymentsModule::acknowledge(DeliveryId delivery) {
  parts_.inbox.commit(delivery, [](domain::UnitOfWork&) { return domain::ok_status(); });
}

}  // namespace outboxd::daemon
