// Use cases on reservations.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "domain/access_token.h"
#include "domain/clock.h"
#include "domain/event_publisher.h"
#include "domain/reservation.h"
#include "domain/unit_of_work.h"

namespace outboxd::daemon {

// What a mutation of a reservation came to.
struct ReservationOutcome {
  domain::ReservationSnapshot reservation;
  bool replayed = false;  // the same was asked before: this is the outcome of then (G4)
  domain::Seq seq = 0;    // of the mutation's event; 0 when its publisher gave none
};

struct ReservationPayment {
  domain::ReservationId reservation_id;
  domain::UserId user_id;
  std::string token;
};

struct ReservationParts {
  domain::EventPublisher& publisher;
  const domain::Clock& clock;
  const domain::ElapsedTime& elapsed;  // what a hold's time goes by
  domain::AccessTokens& tokens;
  std::int64_t hold_ttl_ms = 0;  // of a hold that asks for none
};

// Sees ports only. Core thread; an error leaves nothing written.
class ReservationService {
 public:
  explicit ReservationService(ReservationParts parts) : parts_(parts) {}

  // Holds the item for the user, or finds that the same request held it before. A hold of the item
  // whose time is over expires in the same commit. Errors: id_conflict when the reservation exists
  // with other content; invalid_state when the item is held or sold; what Reservation::hold and the
  // publisher refuse.
  domain::Result<ReservationOutcome> hold(domain::NewReservation request, domain::UnitOfWork& work);

  // Errors: not_found.
  domain::Result<domain::ReservationSnapshot> get(const domain::ReservationId& id,
                                                  domain::UnitOfWork& work);

  // Pays with the user's points: deducts them, marks the reservation PAID and publishes
  // `reservation.paid`, as one. A reservation that was paid with the same token is found paid, also
  // when the token is long forgotten. The token is taken, and expires once all this is durable.
  // Errors, in the order in which they are looked for: not_found; permission_denied, it is another
  // user's; invalid_state, it is not HELD or its time is over; token_invalid; insufficient_points;
  // what the publisher refuses.
  domain::Result<ReservationOutcome> pay(const ReservationPayment& request,
                                         domain::UnitOfWork& work);

  // Gives the item of a reservation that is HELD free, or finds that it was cancelled for the same
  // reason. Errors: not_found; id_conflict when it was cancelled for another reason; invalid_state
  // when it has ended otherwise.
  domain::Result<ReservationOutcome> cancel(const domain::ReservationId& id, std::string reason,
                                            domain::UnitOfWork& work);

  // Ends a hold whose time is over. Errors: not_found; invalid_state when it is not over, or has
  // ended otherwise; what the publisher refuses.
  domain::Status expire(const domain::ReservationId& id, domain::UnitOfWork& work);

 private:
  [[nodiscard]] domain::Moment now() const {
    return {parts_.clock.wall_ms(), parts_.elapsed.elapsed_ms()};
  }
  domain::Status free_item(const domain::ItemId& id, domain::UnitOfWork& work);
  domain::Status deduct(const domain::ReservationSnapshot& reservation, domain::UnitOfWork& work);
  domain::Result<ReservationOutcome> save(domain::Reservation reservation,
                                          domain::UnitOfWork& work);

  const ReservationParts parts_;
};

}  // namespace outboxd::daemon
