// A reservation as MessagePack: the data of its events, and the result of its methods (API.md,
// "Entities").
#pragma once

#include <string_view>

#include "daemon/mutation_fields.h"
#include "domain/payment.h"
#include "domain/reservation.h"
#include "transport/msgpack/writer.h"

namespace outboxd::daemon {

// Writes the reservation as a map, with the fields of `mutation` where it is given. `paid_at` is
// there when it is PAID, `failure` when a cancellation gave a reason. What it was paid with stays
// here.
void write_reservation(transport::Writer& writer, const domain::ReservationSnapshot& reservation,
                       const MutationFields* mutation = nullptr);

// What the data of a `reservation.paid` of producer `source` say was paid. Error: bad_request,
// which says what is wrong with the event.
domain::Result<domain::PointsSpent> read_points_spent(std::string_view source,
                                                      std::string_view event_data);

}  // namespace outboxd::daemon
