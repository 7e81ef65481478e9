// A payment as MessagePack: the data of its events, and the result of its methods (API.md,
// "Entities").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/payment.h"
#include "transport/msgpack/writer.h"

namespace outboxd::daemon {

// Writes the payment as a map. That of an order has `order_id`, `amount`, `currency` and
// `payment_method`, that of a reservation `reservation_id` and `points`. `attempts` is there when
// it is known; `failure`, `failure_detail` and `gateway_reference` when they have a value.
void write_payment(transport::Writer& writer, const domain::PaymentSnapshot& payment);

// What an event on topic `payments` tells an order.
struct PaymentNews {
  domain::PaymentId payment_id;
  domain::OrderId order_id;
  std::string source;   // the producer of the order
  std::string failure;  // empty: the payment did not fail
};

// Nothing when the payment is of a reservation, which no order waits for. Error: bad_request, which
// says what is wrong with the event.
domain::Result<std::optional<PaymentNews>> read_payment_news(std::string_view event_data);

}  // namespace outboxd::daemon
