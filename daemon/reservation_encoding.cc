#include "daemon/reservation_encoding.h"

#include "domain/time_format.h"

namespace outboxd::daemon {
namespace {

constexpr std::size_t kAlwaysThere = 8;

}  // namespace

void write_reservation(transport::Writer& writer, const domain::ReservationSnapshot& reservation) {
  writer.map(kAlwaysThere + (reservation.paid_at_ms ? 1 : 0) +
             (reservation.failure.empty() ? 0 : 1));
  writer.field("reservation_id", reservation.reservation_id.text())
      .field("user_id", reservation.user_id.text())
      .field("item_id", reservation.item_id.text())
      .field("price_points", reservation.price_points)
      .field("status", name_of(reservation.status))
      .field("held_until", domain::rfc3339(reservation.held_until_ms));
  if (reservation.paid_at_ms) writer.field("paid_at", domain::rfc3339(*reservation.paid_at_ms));
  if (!reservation.failure.empty()) writer.field("failure", reservation.failure);
  writer.field("created_at", domain::rfc3339(reservation.created_at_ms))
      .field("updated_at", domain::rfc3339(reservation.updated_at_ms));
}

}  // namespace outboxd::daemon
