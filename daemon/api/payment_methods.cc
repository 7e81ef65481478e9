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

// The payment that `payment_id`, or `order_id` and `source`, name.
Result<domain::PaymentId> decode_payment(const PaymentApi& api, const Arguments& arguments) {
  OUTBOXD_ASSIGN_OR_RETURN(const auto payment_text, arguments.optional_string("payment_id"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto order_text, arguments.optional_string("order_id"));
  OUTBOXD_ASSIGN_OR_RETURN(const auto source, arguments.optional_string("source"));
  if (payment_text.has_value() == order_text.has_value()) {
    return domain::bad_request("payment_id", "either payment_id or order_id must be given");
  }
  if (payment_text) {
    if (!source) return domain::PaymentId::parse(*payment_text);
    return domain::bad_request("source", "source goes with order_id");
  }
  OUTBOXD_ASSIGN_OR_RETURN(const domain::OrderId order_id, domain::OrderId::parse(*order_text));
  if (source && !domain::is_valid_id(*source)) {
    return domain::bad_request("source",
                               "source must be 1 to 64 characters from A-Z a-z 0-9 . _ : -");
  }
  return domain::payment_id_of(source.value_or(api.producer), order_id);
}

Status get(const PaymentApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(
      const Arguments arguments,
      Arguments::of_params(request.params, {"payment_id", "order_id", "source"}));
  OUTBOXD_ASSIGN_OR_RETURN(const domain::PaymentId id, decode_payment(api, arguments));
  OUTBOXD_ASSIGN_OR_RETURN(const auto order_id, arguments.optional_string("order_id"));
  api.core.execute(request.reply_to, [&](domain::UnitOfWork& work, Writer& writer) -> Status {
    const Result<domain::PaymentSnapshot> payment = api.payments.get(id, work);
    if (!payment && order_id && payment.error().code == domain::ErrorCode::kNotFound) {
      return domain::Error{domain::ErrorCode::kNotFound,
                           "there is no payment for order " + std::string(*order_id) +
                               "; source names the producer of the order where that is not " +
                               api.producer,
                           "order_id"};
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
