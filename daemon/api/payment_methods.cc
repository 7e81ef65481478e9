#include "daemon/api/payment_methods.h"

#include <optional>
#include <utility>

#include "daemon/api/paging.h"
#include "daemon/payment_encoding.h"
#include "transport/ipc/arguments.h"

namespace outboxd::daemon {
namespace {

using domain::Result;
using domain::Status;
using transport::Arguments;
using transport::Request;
using transport::Writer;

// Which payment a request means, and how to say that there is none.
struct Wanted {
  domain::PaymentId id;
  std::string argument;
  std::string name;
};

// The payment that `payment_id` names, or `order_id` or `reservation_id` with `source`.
Result<Wanted> decode_wanted(const PaymentApi& api, const Arguments& arguments) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto payment, arguments.optional_string("payment_id"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto order, arguments.optional_string("order_id"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto reservation, arguments.optional_string("reservation_id"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto given_source, arguments.optional_string("source"));
  if (int{payment.has_value()} + int{order.has_value()} + int{reservation.has_value()} != 1) {
    return domain::bad_request(
        "payment_id", "exactly one of payment_id, order_id and reservation_id must be given");
  }
  if (payment) {
    if (given_source) {
      return domain::bad_request("source", "source goes with order_id or reservation_id");
    }
    OUTBOXD_ASSIGN_OR_RETURN(auto id, domain::PaymentId::parse(*payment));
    return Wanted{std::move(id), "payment_id", {}};
  }
  if (given_source && !domain::is_valid_id(*given_source)) {
    return domain::bad_request("source",
                               "source must be 1 to 64 characters from A-Z a-z 0-9 . _ : -");
  }
  const std::string_view source = given_source.value_or(api.producer);
  if (order) {
    OUTBOXD_ASSIGN_OR_RETURN(const auto id, domain::OrderId::parse(*order));
    return Wanted{domain::payment_id_of(source, id), "order_id", "order " + id.text()};
  }
  OUTBOXD_ASSIGN_OR_RETURN(const auto id, domain::ReservationId::parse(*reservation));
  return Wanted{domain::payment_id_of(source, id), "reservation_id", "reservation " + id.text()};
}

Status get(const PaymentApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(
      const Arguments arguments,
      Arguments::of_params(request.params, {"payment_id", "order_id", "reservation_id", "source"}));
  OUTBOXD_ASSIGN_OR_RETURN(const Wanted wanted, decode_wanted(api, arguments));
  api.core.execute(request.reply_to, [&](domain::UnitOfWork& work, Writer& writer) -> Status {
    const Result<domain::PaymentSnapshot> payment = api.payments.get(wanted.id, work);
    if (!payment && !wanted.name.empty() && payment.error().code == domain::ErrorCode::kNotFound) {
      return domain::Error{domain::ErrorCode::kNotFound,
                           "there is no payment for " + wanted.name +
                               "; source names its producer where that is not " + api.producer,
                           wanted.argument};
    }
    if (!payment) return payment.error();
    write_payment(writer, *payment);
    return domain::ok_status();
  });
  return domain::ok_status();
}

Status list(const PaymentApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"status", "after", "limit"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto status_name, arguments.optional_string("status"));
  std::optional<domain::PaymentStatus> status;
  if (status_name) {
    OUTBOXD_ASSIGN_OR_RETURN(status, domain::parse_payment_status(*status_name));
  }
  OUTBOXD_ASSIGN_OR_RETURN(const domain::Page page, page_of(arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const auto payments, api.reader.list_payments(status, page));
  api.server.reply(
      request.reply_to,
      encode_page(
          "payments", payments,
          [](Writer& writer, const domain::PaymentSnapshot& payment) {
            write_payment(writer, payment);
          },
          [](const domain::PaymentSnapshot& payment) { return payment.payment_id.text(); }));
  return domain::ok_status();
}

}  // namespace

void add_payment_methods(MethodTable& methods, PaymentApi api) {
  methods.add("payment.get", Access::kRead, [api](const Request& r) { return get(api, r); });
  methods.add("payment.list", Access::kRead, [api](const Request& r) { return list(api, r); });
}

}  // namespace outboxd::daemon
