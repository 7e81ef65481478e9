#include "daemon/reservation_encoding.h"

#include <string>
#include <utility>

#include "daemon/event_data.h"
#include "domain/time_format.h"

namespace outboxd::daemon {
namespace {

constexpr std::size_t kFieldsOfEveryReservation = 8;

}  // namespace

void write_reservation(transport::Writer& writer, const domain::ReservationSnapshot& reservation,
                       const MutationFields* mutation) {
  writer.map(kFieldsOfEveryReservation + (reservation.paid_at_ms ? 1 : 0) +
             (reservation.failure.empty() ? 0 : 1) +
             (mutation != nullptr ? MutationFields::kCount : 0));
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
  if (mutation != nullptr) write_fields(writer, *mutation);
}

domain::Result<domain::PointsSpent> read_points_spent(std::string_view source,
                                                      std::string_view event_data) {
  EventData data;
  OUTBOXD_TRY(data.decode(event_data));
  OUTBOXD_ASSIGN_OR_RETURN(auto id, data.id<domain::ReservationId>("reservation_id"));
  OUTBOXD_ASSIGN_OR_RETURN(const domain::Points points, data.integer("price_points"));
  if (points < 1) {
    return domain::bad_request("data.price_points",
                               "the event's data.price_points must be at least "
                               "1, not " +
                                   std::to_string(points));
  }
  return domain::PointsSpent{
      .source = std::string(source), .reservation_id = std::move(id), .points = points};
}

}  // namespace outboxd::daemon
