// An order as MessagePack: the data of its events, and the result of its methods (API.md,
// "Entities").
#pragma once

#include <string_view>

#include "daemon/mutation_fields.h"
#include "domain/order_snapshot.h"
#include "domain/payment.h"
#include "transport/msgpack/writer.h"

namespace outboxd::daemon {

// Writes the order as a map, with the fields of `mutation` where it is given. `payment_id`,
// `failure` and `refund` are there only when they have a value.
void write_order(transport::Writer& writer, const domain::OrderSnapshot& order,
                 const MutationFields* mutation = nullptr);

// What the data of an event about an order of producer `source` say is to be paid. Error:
// bad_request, which says what is wrong with the event.
domain::Result<domain::PaymentDue> read_payment_due(std::string_view source,
                                                    std::string_view event_data);

}  // namespace outboxd::daemon
