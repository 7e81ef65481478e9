// A reservation as MessagePack: the data of its events, and the result of its methods (API.md,
// "Entities").
#pragma once

#include "domain/reservation.h"
#include "transport/msgpack/writer.h"

namespace outboxd::daemon {

// Writes the reservation as a map. `paid_at` is there when it is PAID, `failure` when a
// cancellation gave a reason. What it was paid with stays here.
void write_reservation(transport::Writer& writer, const domain::ReservationSnapshot& reservation);

}  // namespace outboxd::daemon
