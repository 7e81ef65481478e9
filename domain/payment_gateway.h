// The port to whoever moves the money.
#pragma once

#include <cstdint>
#include <string>

#include "domain/ids.h"
#include "domain/money.h"

namespace outboxd::domain {

// The same key always stands for the same call: a gateway that sees it again answers what it
// answered then, and moves no money a second time.
struct ChargeRequest {
  std::string idempotency_key;
  OrderId order_id;
  MinorUnits amount = 0;
  Currency currency;
  std::string payment_method;
};

struct RefundRequest {
  std::string idempotency_key;
  PaymentId payment_id;
  std::string gateway_reference;  // of the charge; empty: the gateway gave none
  OrderId order_id;
  MinorUnits amount = 0;
  Currency currency;
  std::string payment_method;
};

struct GatewayAnswer {
  enum class Verdict : std::uint8_t {
    kApproved,     // the money has moved
    kDeclined,     // it has not, and asking again changes nothing
    kUnavailable,  // not known whether it has: ask again, under the same key
  };

  Verdict verdict = Verdict::kUnavailable;
  std::string text;       // why not, for people: UTF-8; empty when approved
  std::string reference;  // the gateway's own name for the transaction; empty: it gave none
};

// Implementations block until they have an answer, in bounded time, and do not throw. Any thread,
// several at once.
class PaymentGateway {
 public:
  virtual ~PaymentGateway() = default;

  virtual GatewayAnswer charge(const ChargeRequest& request) = 0;
  virtual GatewayAnswer refund(const RefundRequest& request) = 0;
};

}  // namespace outboxd::domain
