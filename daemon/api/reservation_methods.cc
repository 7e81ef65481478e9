#include "daemon/api/reservation_methods.h"

#include <optional>
#include <string>
#include <utility>

#include "daemon/api/paging.h"
#include "daemon/reservation_encoding.h"
#include "transport/ipc/arguments.h"

namespace outboxd::daemon {
namespace {

using domain::Result;
using domain::Status;
using transport::Arguments;
using transport::Request;
using transport::Writer;

Result<domain::ReservationId> decode_id(const Arguments& arguments) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto text, arguments.string("reservation_id"));
  return domain::ReservationId::parse(text);
}

Result<domain::UserId> decode_user(const Arguments& arguments) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto text, arguments.string("user_id"));
  return domain::UserId::parse(text);
}

Result<domain::NewReservation> decode_hold(const Arguments& arguments, domain::IdGenerator& ids) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto given_id, arguments.optional_string("reservation_id"));
  OUTBOXD_ASSIGN_OR_RETURN(auto id, given_id ? domain::ReservationId::parse(*given_id)
                                             : domain::ReservationId::parse(ids.next()));
  OUTBOXD_ASSIGN_OR_RETURN(auto user_id, decode_user(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const auto item_text, arguments.string("item_id"));
  OUTBOXD_ASSIGN_OR_RETURN(auto item_id, domain::ItemId::parse(item_text));
  OUTBOXD_ASSIGN_OR_RETURN(const auto price_points, arguments.integer("price_points"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto ttl_ms, arguments.optional_integer("ttl_ms"));
  return domain::NewReservation{.reservation_id = std::move(id),
                                .user_id = std::move(user_id),
                                .item_id = std::move(item_id),
                                .price_points = price_points,
                                .ttl_ms = ttl_ms};
}

void write_outcome(Writer& writer, const ReservationOutcome& outcome) {
  const MutationFields mutation{.replayed = outcome.replayed, .seq = outcome.seq};
  write_reservation(writer, outcome.reservation, &mutation);
}

// Answers with what `mutate(work)` comes to.
template <typename Mutate>
void execute(const ReservationApi& api, const Request& request, Mutate mutate) {
  api.core.execute(request.reply_to, [&](domain::UnitOfWork& work, Writer& writer) -> Status {
    OUTBOXD_ASSIGN_OR_RETURN(const ReservationOutcome outcome, mutate(work));
    write_outcome(writer, outcome);
    return domain::ok_status();
  });
}

Status hold(const ReservationApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(
      const Arguments arguments,
      Arguments::of_params(request.params,
                           {"reservation_id", "user_id", "item_id", "price_points", "ttl_ms"}));
  OUTBOXD_ASSIGN_OR_RETURN(domain::NewReservation wanted, decode_hold(arguments, api.ids));
  execute(api, request,
          [&](domain::UnitOfWork& work) { return api.reservations.hold(std::move(wanted), work); });
  return domain::ok_status();
}

Status pay(const ReservationApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(
      const Arguments arguments,
      Arguments::of_params(request.params, {"reservation_id", "user_id", "token"}));
  OUTBOXD_ASSIGN_OR_RETURN(auto id, decode_id(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(auto user_id, decode_user(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const auto token, arguments.string("token"));
  const ReservationPayment payment{std::move(id), std::move(user_id), std::string(token)};
  execute(api, request,
          [&](domain::UnitOfWork& work) { return api.reservations.pay(payment, work); });
  return domain::ok_status();
}

Status cancel(const ReservationApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"reservation_id", "reason"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto id, decode_id(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const auto reason, arguments.optional_string("reason"));
  execute(api, request, [&](domain::UnitOfWork& work) {
    return api.reservations.cancel(id, std::string(reason.value_or("")), work);
  });
  return domain::ok_status();
}

Status get(const ReservationApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"reservation_id"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto id, decode_id(arguments));
  api.core.execute(request.reply_to, [&](domain::UnitOfWork& work, Writer& writer) -> Status {
    OUTBOXD_ASSIGN_OR_RETURN(const auto reservation, api.reservations.get(id, work));
    write_reservation(writer, reservation);
    return domain::ok_status();
  });
  return domain::ok_status();
}

Status list(const ReservationApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"status", "after", "limit"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto status_name, arguments.optional_string("status"));
  std::optional<domain::ReservationStatus> status;
  if (status_name) {
    OUTBOXD_ASSIGN_OR_RETURN(status, domain::parse_reservation_status(*status_name));
  }
  OUTBOXD_ASSIGN_OR_RETURN(const domain::Page page, page_of(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const auto reservations, api.reader.list_reservations(status, page));
  api.server.reply(request.reply_to,
                   encode_page(
                       "reservations", reservations,
                       [](Writer& writer, const domain::ReservationSnapshot& reservation) {
                         write_reservation(writer, reservation);
                       },
                       [](const domain::ReservationSnapshot& reservation) {
                         return reservation.reservation_id.text();
                       }));
  return domain::ok_status();
}

}  // namespace

void add_reservation_methods(MethodTable& methods, ReservationApi api) {
  methods.add("reservation.hold", Access::kWrite, [api](const Request& r) { return hold(api, r); });
  methods.add("reservation.pay", Access::kWrite, [api](const Request& r) { return pay(api, r); });
  methods.add("reservation.cancel", Access::kWrite,
              [api](const Request& r) { return cancel(api, r); });
  methods.add("reservation.get", Access::kRead, [api](const Request& r) { return get(api, r); });
  methods.add("reservation.list", Access::kRead, [api](const Request& r) { return list(api, r); });
}

}  // namespace outboxd::daemon
